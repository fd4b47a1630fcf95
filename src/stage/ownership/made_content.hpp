#pragma once

#include <memory>
#include <string>

#include "dialect/operation.hpp"
#include "generation/generation.hpp"
#include "store/object_owners.hpp"

namespace hawser::stage::ownership {

/// Whose what an answer makes is, and where.
struct Maker {
  std::shared_ptr<store::ObjectOwners> owners{};
  std::string tenant{};
  std::string provider{};
  dialect::ObjectKind makes = dialect::ObjectKind::none;
  bool entries = false;      // the answer lists what belongs to an object of the tenant's
  bool batch_input = false;  // the file that it makes may be a batch's

  /// Notes what a JSON answer, or an event of one, makes.
  void note(std::string_view json) const;
};

/// A stream that passes as it is, and whose objects are noted for a tenant before a reader sees
/// their ids.
class MadeContent final : public generation::ContentDecorator {
 public:
  MadeContent(std::unique_ptr<generation::Content> content, Maker maker)
      : content_(std::move(content)), maker_(std::move(maker)) {}

  Task<Result<net::Piece>> next() override;

 private:
  generation::Content& content() override { return *content_; }
  const generation::Content& content() const override { return *content_; }
  bool holds_back() const override { return false; }
  void note(std::string_view frames);

  std::unique_ptr<generation::Content> content_;
  Maker maker_;
};

}  // namespace hawser::stage::ownership
