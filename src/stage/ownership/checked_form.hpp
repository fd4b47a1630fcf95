#pragma once

#include <string>

#include "dialect/form_reader.hpp"
#include "net/source.hpp"

namespace hawser::stage::ownership {

/// A form that streams through, and ends before its last boundary where a field of it names an
/// object of a provider's account: whose that is could only be told once it was read.
class CheckedForm final : public net::Source {
 public:
  CheckedForm(net::Source& rest, std::string_view boundary, dialect::FormReader::Allows allows)
      : rest_(rest), reader_(boundary, allows) {}

  /// Errors: those of the rest; invalid_request
  Task<Result<net::Piece>> next() override {
    auto piece = co_await rest_.next();
    if (!piece) co_return piece;
    if (!reader_.feed(piece->bytes) || (piece->last && !reader_.finish())) {
      co_return Error{.code = Code::invalid_request, .message = reader_.problem()};
    }
    co_return piece;
  }

 private:
  net::Source& rest_;
  dialect::FormReader reader_;
};

}  // namespace hawser::stage::ownership
