#pragma once

#include <memory>
#include <string>

#include "coding/decoder.hpp"
#include "net/byte_budget.hpp"
#include "net/source.hpp"
#include "net/worker_turn.hpp"

namespace hawser::front::http {

/// A request's body whose content coding is taken off as it comes: no more of it is unpacked at a
/// time than who reads it takes.
class DecodedBody final : public net::Source {
 public:
  struct Parts {
    net::Source& coded;  // outlives it
    coding::Coding coding;
    coding::DecodeLimits limits;
    net::Reactor& reactor;
    net::ByteLease lease;  // takes what unpacking needs
  };
  /// Error: as ByteLease::grow()
  static Result<std::unique_ptr<DecodedBody>> make(Parts parts);

  /// Errors: those of `coded`; too_large, invalid_request
  Task<Result<net::Piece>> next() override;

 private:
  explicit DecodedBody(Parts parts);

  net::Source& coded_;
  net::ByteLease lease_;
  coding::Decoder decoder_;
  net::WorkerTurn turn_;
  std::string buffer_;
  std::string_view rest_{};  // of the last piece of `coded_`
  bool coded_last_ = false;
};

/// What is held of a request's body, beside the connection's read buffer. Most requests have none.
struct LoadedBody {
  net::ByteLease lease{};
  std::string whole{};
  std::unique_ptr<DecodedBody> decoded{};
};

/// Makes room for `size` bytes, with some to come: a body takes memory as its bytes come, not as
/// its length says, for who says a length need not send it.
/// @param size_max  of the whole body
/// Error: as ByteLease::grow()
Result<> make_room(LoadedBody& body, std::uint64_t size, std::uint64_t size_max);

}  // namespace hawser::front::http
