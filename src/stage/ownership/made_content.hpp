#pragma once

#include <memory>
#include <string>

#include "dialect/operation.hpp"
#include "generation/generation.hpp"
#include "store/object_owners.hpp"

namespace hawser::stage::ownership {

/// Notes all objects that a JSON answer, or an event of one, names: those that it makes, and those
/// that belong to them.
void note_made(store::ObjectOwners& owners, std::string_view json, dialect::ObjectKind makes,
               const std::string& tenant);

/// A stream that passes as it is, and whose objects are noted for a tenant before a reader sees
/// their ids.
class MadeContent final : public generation::ContentDecorator {
 public:
  MadeContent(std::unique_ptr<generation::Content> content,
              std::shared_ptr<store::ObjectOwners> owners, std::string tenant,
              dialect::ObjectKind makes)
      : content_(std::move(content)),
        owners_(std::move(owners)),
        tenant_(std::move(tenant)),
        makes_(makes) {}

  Task<Result<net::Piece>> next() override;

 private:
  generation::Content& content() override { return *content_; }
  const generation::Content& content() const override { return *content_; }
  bool holds_back() const override { return false; }
  void note(std::string_view frames);

  std::unique_ptr<generation::Content> content_;
  std::shared_ptr<store::ObjectOwners> owners_;
  std::string tenant_;
  dialect::ObjectKind makes_;
};

}  // namespace hawser::stage::ownership
