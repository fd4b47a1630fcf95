#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

/// What events of OpenAI's Responses API say of themselves. Source: openai-openapi,
/// ResponseStreamEvent.
namespace hawser::dialect {

/// The event's "sequence_number"; none where it has none.
/// @param frame  one event as it stands on the wire
std::optional<std::uint64_t> sequence_number(std::string_view frame);

/// The response that an event carries whole (response.created, .in_progress, .completed, ...).
struct ResponseObject {
  std::string id{};
  std::string json{};
};
std::optional<ResponseObject> response_object(std::string_view frame);

/// The same response with another status, such as "cancelled".
std::string with_status(const std::string& response, std::string_view status);

/// What a client has of a response: enough to end it in mid-stream as its API does.
class ResponseProgress {
 public:
  /// @param frames  whole events that go out to the client
  void see(std::string_view frames);
  /// The same of one event's data.
  void see_data(std::string_view data);
  /// Whether the client was told of a response that is not ended yet.
  bool begun() const { return !id_.empty() && !ended_; }
  /// The "sequence_number" of an event of our own, which comes next.
  std::uint64_t take_number() { return next_number_++; }
  /// The data of the event that ends it: response.failed.
  std::string failed_data(const Error& error);

 private:
  std::string id_{};  // tokens as the provider wrote them
  std::string created_at_{};
  std::string model_{};
  std::uint64_t next_number_ = 0;
  bool ended_ = false;
};

}  // namespace hawser::dialect
