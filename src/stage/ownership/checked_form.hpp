#pragma once

#include <string>

#include "dialect/form_reader.hpp"
#include "net/source.hpp"
#include "stage/ownership/batch_lines.hpp"

namespace hawser::stage::ownership {

/// A form that streams through, and ends before its last boundary where a field of it names an
/// object of a provider's account: whose that is could only be told once it was read. So does one
/// that uploads a batch whose lines may not be passed on.
class CheckedForm final : public net::Source {
 public:
  /// @param lines  null: its files are no batches
  CheckedForm(net::Source& rest, std::string_view boundary, dialect::FormReader::Allows allows,
              BatchLines* lines)
      : rest_(rest), reader_(boundary, allows), lines_(lines) {
    if (lines_ != nullptr) reader_.tell(*lines_);
  }

  /// Errors: those of the rest; invalid_request, not_found
  Task<Result<net::Piece>> next() override {
    auto piece = co_await rest_.next();
    if (!piece) co_return piece;
    if (!reader_.feed(piece->bytes) || (piece->last && !reader_.finish())) {
      co_return Error{.code = Code::invalid_request, .message = reader_.problem()};
    }
    if (lines_ == nullptr) co_return piece;
    if (const auto checked = lines_->check(); !checked) co_return checked.error();
    co_return piece;
  }

 private:
  net::Source& rest_;
  dialect::FormReader reader_;
  BatchLines* lines_;
};

}  // namespace hawser::stage::ownership
