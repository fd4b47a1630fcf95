#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/byte_budget.hpp"

namespace hawser::front::grpc {

/// Messages out of the DATA of a call, fed in any cuts: a flag, a length, the bytes. They stay as
/// they came until somebody asks for one, so that waiting ones cost no more than their bytes.
/// Source: gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md), Length-Prefixed-Message.
class MessageDecoder {
 public:
  /// @param budget  what a message that does not fit into the windows takes its bytes of; null:
  /// none
  explicit MessageDecoder(std::size_t message_max, ByteBudget* budget = nullptr)
      : message_max_(message_max), budget_(budget) {}

  struct Next {
    enum class Kind : std::uint8_t {
      none,  // more bytes are needed
      message,
      compressed,  // flag 1: no encoding was agreed on
      malformed,   // another flag
      too_large,
      no_room  // the budget is taken by others
    };
    Kind kind = Kind::none;
    std::string bytes{};
    std::size_t size = 0;  // with what stands in front of it
    ByteBudget::Share held{};
  };

  void feed(std::string_view bytes) { bytes_.append(bytes); }
  /// The next message. What is neither a message nor `none` comes for ever.
  Next next();
  /// Bytes that wait here.
  std::size_t waiting() const { return bytes_.size() - at_; }
  void clear();

  static constexpr std::size_t prefix_size = 5;

 private:
  std::size_t message_max_;
  ByteBudget* budget_;
  std::string bytes_{};
  std::size_t at_ = 0;         // where the next message begins
  ByteBudget::Share share_{};  // of the message that is not whole yet
};

}  // namespace hawser::front::grpc
