#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "coding/coding.hpp"
#include "net/connection_budget.hpp"

namespace hawser::front::grpc {

/// Messages out of the DATA of a call, fed in any cuts: a flag, a length, the bytes. They stay as
/// they came until somebody asks for one, so that waiting ones cost no more than their bytes.
/// Source: gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md), Length-Prefixed-Message.
class MessageDecoder {
 public:
  struct Options {
    std::size_t message_max = 0;                       // bytes of each, unpacked
    net::ConnectionBudget* budget = nullptr;           // messages take their bytes of it
    net::ConnectionBudget::Leases leases{};            // who pays for them
    coding::Coding coding = coding::Coding::identity;  // of those that say that they are packed
  };
  explicit MessageDecoder(Options options) : options_(std::move(options)) {}

  struct Next {
    enum class Kind : std::uint8_t {
      none,  // more bytes are needed
      message,
      compressed,  // in a coding that is not known here
      malformed,   // neither 0 nor 1 in front of it, or not of its coding
      too_large,
      no_room  // the budget is taken by others
    };
    Kind kind = Kind::none;
    std::string bytes{};
    std::size_t size = 0;  // with what stands in front of it, as it came
    net::ConnectionBudget::Share held{};
  };

  void feed(std::string_view bytes) { bytes_.append(bytes); }
  /// The next message. What is neither a message nor `none` is the last word.
  Next next();
  /// Bytes that wait here.
  std::size_t waiting() const { return bytes_.size() - at_; }
  void clear();

  static constexpr std::size_t prefix_size = 5;

 private:
  Next::Kind judge(bool packed, unsigned char flag, std::size_t size);
  Next::Kind unpack(std::string_view packed, std::string& out);

  Options options_;
  Next::Kind fault_ = Next::Kind::none;
  std::string bytes_{};
  std::size_t at_ = 0;                    // where the next message begins
  net::ConnectionBudget::Share share_{};  // of the message that is not whole yet
};

}  // namespace hawser::front::grpc
