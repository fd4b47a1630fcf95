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
class MadeContent final : public generation::Content {
 public:
  MadeContent(std::unique_ptr<generation::Content> content,
              std::shared_ptr<store::ObjectOwners> owners, std::string tenant,
              dialect::ObjectKind makes)
      : content_(std::move(content)),
        owners_(std::move(owners)),
        tenant_(std::move(tenant)),
        makes_(makes) {}

  Task<Result<net::Piece>> next() override;
  void lead_to(const net::Companion* next) override { content_->lead_to(next); }
  dialect::Usage usage() const override { return content_->usage(); }
  bool spliced() const override { return content_->spliced(); }
  void cancel() override { content_->cancel(); }

 private:
  void note(std::string_view frames);

  std::unique_ptr<generation::Content> content_;
  std::shared_ptr<store::ObjectOwners> owners_;
  std::string tenant_;
  dialect::ObjectKind makes_;
};

}  // namespace hawser::stage::ownership
