#include "stage/attempt/provider_error.hpp"

#include <algorithm>
#include <string>

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

bool out_of_quota(std::string_view body) {
  return body.find("insufficient_quota") != std::string_view::npos;
}

bool about_credential(int status, std::string_view body) {
  if (status == 401) return true;
  if (status != 400 && status != 403) return false;
  std::string text(body);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto says = [&text](std::string_view words) {
    return text.find(words) != std::string::npos;
  };
  // A prompt that was refused is the client's to know of.
  if (status == 403) return !says("moderation") && !says("flagged");
  constexpr std::string_view known[] = {"api key not valid",
                                        "api_key_invalid",
                                        "api key expired",
                                        "incorrect api key",
                                        "invalid api key",
                                        "invalid_api_key",
                                        "invalid api token",
                                        "invalid x-api-key",
                                        "api key is invalid",
                                        "api key is missing",
                                        "invalid access token",
                                        "invalid authentication",
                                        "authentication_error",
                                        "security token included in the request",
                                        "signature we calculated does not match",
                                        "expired token"};
  return std::any_of(std::begin(known), std::end(known), says);
}

}  // namespace hawser::stage::attempt
