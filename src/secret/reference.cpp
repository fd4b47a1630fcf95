#include "secret/reference.hpp"

#include <vector>

#include "base/json.hpp"
#include "config/nearest.hpp"

namespace hawser::secret {
namespace {

Error wrong(std::string why) {
  return {.code = Code::invalid_request, .message = std::move(why)};
}

bool plain(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '?' || c == '"' || c == '\\') return false;
  }
  return !text.empty() && text.find("..") == std::string_view::npos;
}

std::string no_such_field(std::string_view document, const Reference& reference) {
  std::vector<std::string> names;
  for_each_member(document, [&](std::string_view name, std::string_view) {
    names.emplace_back();
    return decode_json_string(name, names.back());
  });
  const std::vector<std::string_view> views(names.begin(), names.end());
  const auto meant = config::nearest(reference.field, views);
  std::string why =
      reference.scheme + ":" + reference.location + " has no field '" + reference.field + "'";
  return meant.empty() ? why : why + ": did you mean '" + std::string(meant) + "'?";
}

}  // namespace

std::string Reference::shown() const {
  if (scheme == "kms" || scheme == "transit") {
    const auto hash = location.find('#');
    return scheme + ":" + (hash == std::string::npos ? "..." : location.substr(0, hash));
  }
  const std::string whole = document() + (field.empty() ? "" : "#" + field);
  return whole.size() <= 80 ? whole : whole.substr(0, 77) + "...";
}

Result<Reference> parse_reference(std::string_view scheme, std::string_view rest) {
  Reference reference{.scheme = std::string(scheme), .location = std::string(rest)};
  const auto hash = rest.find('#');
  if (!plain(rest)) return wrong("'" + reference.shown() + "' holds what no reference may hold");
  if (scheme == "kms") {
    if (hash == 0 || hash + 1 == rest.size()) return wrong("kms: must be BASE64 or KEY#BASE64");
    return reference;
  }
  if (scheme == "transit") {
    const bool whole =
        hash != std::string_view::npos && hash > 0 && rest.substr(hash + 1).starts_with("vault:v");
    if (!whole) return wrong("transit: must be KEY#vault:v1:...");
    return reference;
  }
  if (hash != std::string_view::npos) {
    reference.location = rest.substr(0, hash);
    reference.field = rest.substr(hash + 1);
  }
  const bool whole =
      !reference.location.empty() && (hash == std::string_view::npos || !reference.field.empty());
  if (scheme == "vault") {
    const bool path =
        reference.location.find('/', 1) != std::string::npos && !reference.location.ends_with('/');
    if (!whole || !path || reference.field.empty()) {
      return wrong("'vault:" + std::string(rest) + "' must be PATH#FIELD, as secret/openai#key");
    }
  } else if (!whole) {
    return wrong("'aws:" + std::string(rest) + "' must be SECRET or SECRET#FIELD");
  }
  return reference;
}

Result<Secret> select(const Secret& document, const Reference& reference) {
  if (reference.field.empty()) return Secret(std::string(document.reveal()));
  std::string name;
  std::optional<Secret> found;
  const bool object =
      for_each_member(document.reveal(), [&](std::string_view token, std::string_view value) {
        name.clear();
        if (!decode_json_string(token, name) || name != reference.field) return true;
        std::string text;
        if (!decode_json_string(value, text)) text = std::string(value);  // a number, as it stands
        found = Secret(std::move(text));
        return true;
      });
  if (!object) return wrong(reference.document() + " is no JSON object: it has no fields");
  if (found) return std::move(*found);
  return Error{.code = Code::not_found, .message = no_such_field(document.reveal(), reference)};
}

}  // namespace hawser::secret
