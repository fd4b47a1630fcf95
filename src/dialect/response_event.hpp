#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

}  // namespace hawser::dialect
