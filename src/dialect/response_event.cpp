#include "dialect/response_event.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cstring>

#include "dialect/event_data.hpp"

namespace hawser::dialect {
namespace json = boost::json;

std::optional<std::uint64_t> sequence_number(std::string_view frame) {
  // Within a text its quotes would be escaped, so the first match is the member itself.
  constexpr std::string_view name = "\"sequence_number\":";
  const void* found = ::memmem(frame.data(), frame.size(), name.data(), name.size());
  if (found == nullptr) return std::nullopt;
  const char* at = static_cast<const char*>(found) + name.size();
  const char* const end = frame.data() + frame.size();
  while (at < end && *at == ' ') ++at;
  std::uint64_t number = 0;
  if (std::from_chars(at, end, number).ec != std::errc{}) return std::nullopt;
  return number;
}

std::optional<ResponseObject> response_object(std::string_view frame) {
  constexpr std::string_view name = "\"response\":";
  if (::memmem(frame.data(), frame.size(), name.data(), name.size()) == nullptr) {
    return std::nullopt;
  }
  boost::system::error_code error;
  const json::value event = json::parse(data_of(frame), error);
  if (error || !event.is_object()) return std::nullopt;
  const auto* response = event.get_object().if_contains("response");
  if (response == nullptr || !response->is_object()) return std::nullopt;
  const auto* id = response->get_object().if_contains("id");
  if (id == nullptr || !id->is_string()) return std::nullopt;
  return ResponseObject{std::string(id->get_string()), json::serialize(*response)};
}

std::string with_status(const std::string& response, std::string_view status) {
  boost::system::error_code error;
  json::value value = json::parse(response, error);
  if (error || !value.is_object()) return response;
  value.get_object()["status"] = status;
  return json::serialize(value);
}

}  // namespace hawser::dialect
