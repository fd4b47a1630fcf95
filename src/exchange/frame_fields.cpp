#include "exchange/frame_fields.hpp"

#include <algorithm>

#include "base/credential_headers.hpp"
#include "wire/http1.hpp"

namespace hawser::exchange {
namespace {

constexpr std::size_t name_max = 256;
constexpr std::size_t value_max = 8192;
constexpr std::size_t fields_max = 64;  // of one frame

bool one_of(std::string_view name, std::initializer_list<std::string_view> known) {
  return std::any_of(known.begin(), known.end(),
                     [name](std::string_view one) { return wire::same_token(name, one); });
}

/// What the connection says already, and what says how long a body is.
bool belongs_to_connection(std::string_view name) {
  return is_credential_header(name) || wire::hop_by_hop(name) ||
         one_of(name,
                {"host", "content-length", "expect", "sec-websocket-key", "x-hawser-resumable"});
}

/// Who the client is, as proxies say it. A client's own frame is no proxy's word.
bool says_who_is_in_front(std::string_view name) {
  constexpr std::string_view family = "x-forwarded-";
  if (name.size() > family.size() && wire::same_token(name.substr(0, family.size()), family)) {
    return true;
  }
  return one_of(
      name, {"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip",
             "x-originating-ip", "x-original-forwarded-for", "client-ip", "true-client-ip",
             "cf-connecting-ip", "fastly-client-ip", "x-envoy-external-address", "x-azure-clientip",
             "x-remote-ip", "x-remote-addr"});
}

}  // namespace

bool is_field_name(std::string_view name) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= name_max &&
         std::all_of(name.begin(), name.end(), [marks](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  marks.find(c) != std::string_view::npos;
         });
}

bool is_field_value(std::string_view value) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (value.size() > value_max) return false;
  if (!value.empty() && (blank(value.front()) || blank(value.back()))) return false;
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool binds_requests(std::string_view name) {
  return one_of(name, {"x-hawser-residency", "x-hawser-data-class", "x-forwarded-for"});
}

Result<> add_frame_field(FieldList& fields, const FieldList& bound, std::string name,
                         std::string value) {
  const auto refused = [](std::string message) {
    return Error{.code = Code::invalid_request, .message = std::move(message)};
  };
  if (!is_field_name(name)) return refused("A header's name must be a token of at most 256 bytes.");
  if (!is_field_value(value)) {
    return refused("The header \"" + name +
                   "\" must be a text of at most 8 KiB without control characters.");
  }
  if (belongs_to_connection(name) || says_who_is_in_front(name)) return {};
  // Residency may be asked for in several fields and all of them hold; of a class there is one.
  if (wire::same_token(name, "x-hawser-data-class")) {
    for (const auto* list : {&bound, static_cast<const FieldList*>(&fields)}) {
      for (const auto& [other, said] : *list) {
        if (!wire::same_token(other, name) || said == value) continue;
        return refused(
            "The header \"x-hawser-data-class\" is bound to another value already; "
            "it cannot be changed by one request.");
      }
    }
  }
  if (fields.size() >= fields_max) return refused("A request holds more than 64 headers.");
  fields.emplace_back(std::move(name), std::move(value));
  return {};
}

}  // namespace hawser::exchange
