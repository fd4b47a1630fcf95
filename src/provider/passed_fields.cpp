#include "provider/passed_fields.hpp"

#include <algorithm>
#include <string_view>

namespace hawser::provider {
namespace {

using wire::same_token;

constexpr std::string_view of_the_call[] = {"accept",
                                            "user-agent",
                                            "content-type",
                                            "content-encoding",
                                            "content-md5",
                                            "content-digest",
                                            "digest",
                                            "cache-control",
                                            "pragma",
                                            "last-event-id",
                                            "via",
                                            "traceparent",
                                            "tracestate",
                                            "idempotency-key",
                                            "x-client-request-id",
                                            "x-ms-client-request-id"};
/// What SDKs say of themselves and of a try, and what the simulated provider is told to do.
constexpr std::string_view families_of_the_call[] = {"x-stainless-", "x-sim-"};

void append_part(std::string_view part, std::string& out) {
  out.append(std::to_string(part.size())).append(":").append(part);
}

}  // namespace

bool PassedFields::counts(std::string_view name) const {
  const Passing how = passing(name);
  if (how == Passing::never) return false;
  if (listed_.has(name)) return true;  // whoever lists it means it
  if (how == Passing::listed) return false;
  for (const std::string_view family : families_of_the_call) {
    if (name.size() >= family.size() && same_token(name.substr(0, family.size()), family)) {
      return false;
    }
  }
  return std::none_of(std::begin(of_the_call), std::end(of_the_call),
                      [&](std::string_view one) { return same_token(name, one); });
}

void PassedFields::append(const wire::RequestHead& head, std::string& out) const {
  append_part(head.query, out);
  for (const auto& field : head.fields) {
    if (!counts(field.name)) continue;
    std::string name(field.name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    append_part(name, out);
    append_part(field.value, out);
  }
}

}  // namespace hawser::provider
