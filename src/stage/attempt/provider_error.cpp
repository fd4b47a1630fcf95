#include "stage/attempt/provider_error.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "dialect/json_walk.hpp"

namespace hawser::stage::attempt {

Code code_of_status(int status) {
  switch (status) {
    case 401:
    case 402:
    case 403:
      return Code::permission;
    case 404:
      return Code::not_found;
    case 408:
    case 504:
      return Code::timeout;
    case 413:
      return Code::too_large;
    case 429:
      return Code::rate_limit;
    case 503:
    case 529:
      return Code::overloaded;
    default:
      return status >= 500 ? Code::upstream : Code::invalid_request;
  }
}

Code code_of_gateway(const wire::ResponseHead& head) {
  const auto* told = head.find("x-hawser-error");
  for (std::size_t i = 0; told != nullptr && i < codes_count; ++i) {
    if (told->value == name_of(static_cast<Code>(i))) return static_cast<Code>(i);
  }
  return code_of_status(head.status);
}

namespace {

/// What an error says by its members that are for programs. Its message may repeat what the client
/// wrote, and is nobody's word.
std::vector<std::string> codes_of(std::string_view body) {
  std::vector<std::string> codes;
  const auto add = [&codes](std::string_view object, std::string_view name) {
    if (auto code = json_text(object, name)) codes.push_back(std::move(*code));
  };
  if (!is_json(body)) return codes;
  const auto error = json_member(body, "error");
  for (const auto object : {body, error}) {
    if (!dialect::is_object(object)) continue;
    for (const char* name : {"code", "type", "status"}) add(object, name);
  }
  // Google tells the reason in a list of details.
  dialect::for_each_element(json_member(error, "details"), [&](std::string_view detail) {
    if (dialect::is_object(detail)) add(detail, "reason");
    return true;
  });
  return codes;
}

bool tells_one_of(std::string_view body, std::initializer_list<std::string_view> known) {
  const auto codes = codes_of(body);
  return std::any_of(codes.begin(), codes.end(), [&known](const std::string& code) {
    return std::find(known.begin(), known.end(), code) != known.end();
  });
}

}  // namespace

bool out_of_quota(int status, std::string_view body) {
  if (status == 402) return true;
  return (status == 429 || status == 403) &&
         tells_one_of(body, {"insufficient_quota", "billing_hard_limit_reached"});
}

bool about_credential(int status, std::string_view body) {
  if (status == 401) return true;
  if (status == 400) {
    return tells_one_of(
        body, {"API_KEY_INVALID", "API_KEY_EXPIRED", "invalid_api_key", "authentication_error"});
  }
  if (status != 403) return false;
  // A prompt that was refused is the client's to know of.
  std::string text(body);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text.find("moderation") == std::string::npos && text.find("flagged") == std::string::npos;
}

}  // namespace hawser::stage::attempt
