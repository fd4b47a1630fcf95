#include "stage/record/repetition.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/credential_headers.hpp"

namespace hawser::stage::record {
namespace {

bool starts_with_token(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && wire::same_token(text.substr(0, start.size()), start);
}

/// The number in front of `text`; 0: there is none.
unsigned number_of(std::string_view text) {
  unsigned number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Families of fields that providers define. Of the others that begin with "x-" most are written by
/// what is on the way, or differ with each call.
bool means_something(std::string_view name) {
  if (starts_with_token(name, "openai-") || starts_with_token(name, "anthropic-")) return true;
  if (!starts_with_token(name, "x-") || is_credential_header(name)) return false;
  static constexpr std::string_view others[] = {"x-stainless-", "x-forwarded-",
                                                "x-request-id", "x-correlation-id",
                                                "x-hawser-",    "x-b3-",
                                                "x-real-ip",    "x-amzn-",
                                                "x-amz-",       "x-cloud-trace-",
                                                "x-goog-api-",  "x-datadog-",
                                                "x-envoy-",     "x-client-request-id",
                                                "x-sim-",       "x-ms-client-",
                                                "x-litellm-"};
  return std::none_of(std::begin(others), std::end(others),
                      [name](std::string_view other) { return starts_with_token(name, other); });
}

void append_part(std::string_view part, std::string& out) {
  out.append(std::to_string(part.size())).append(":").append(part);
}

}  // namespace

bool repeats(const wire::RequestHead& head) {
  // The SDKs that Stainless makes: those of OpenAI, Anthropic and others.
  const auto* count = head.find("x-stainless-retry-count");
  if (count != nullptr && number_of(count->value) > 0) return true;
  // AWS: "attempt=2; max=3".
  const auto* attempt = head.find("amz-sdk-request");
  constexpr std::string_view is = "attempt=";
  if (attempt != nullptr) {
    const auto at = attempt->value.find(is);
    if (at != std::string_view::npos && number_of(attempt->value.substr(at + is.size())) > 1) {
      return true;
    }
  }
  const auto* wish = head.find("x-hawser-reattach");
  return wish != nullptr && wish->value == "on";
}

void append_meaning(const wire::RequestHead& head, std::string& out) {
  append_part(head.query, out);
  for (const auto& field : head.fields) {
    if (!means_something(field.name)) continue;
    append_part(field.name, out);
    append_part(field.value, out);
  }
}

}  // namespace hawser::stage::record
