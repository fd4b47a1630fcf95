#include "dialect/multipart.hpp"

#include "wire/http1.hpp"

namespace hawser::dialect {
namespace {

constexpr auto nowhere = std::string_view::npos;

/// The value of a parameter: name=value or name="value".
std::string_view parameter(std::string_view field, std::string_view name) {
  for (std::size_t at = field.find(';'); at != nowhere; at = field.find(';', at + 1)) {
    std::string_view rest = field.substr(at + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (rest.size() <= name.size() || !wire::same_token(rest.substr(0, name.size()), name))
      continue;
    if (rest[name.size()] != '=') continue;
    rest.remove_prefix(name.size() + 1);
    if (rest.starts_with('"')) {
      rest.remove_prefix(1);
      return rest.substr(0, rest.find('"'));
    }
    return rest.substr(0, rest.find_first_of("; \t"));
  }
  return {};
}

/// Whether the part with these header lines is the plain field of that name.
bool is_field(std::string_view headers, std::string_view name) {
  while (!headers.empty()) {
    const auto end = std::min(headers.find("\r\n"), headers.size());
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 2, headers.size()));
    const auto colon = line.find(':');
    if (colon == nowhere || !wire::same_token(line.substr(0, colon), "content-disposition"))
      continue;
    return parameter(line, "name") == name && parameter(line, "filename").data() == nullptr;
  }
  return false;
}

}  // namespace

std::string_view form_boundary(std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  if (!wire::same_token(type, "multipart/form-data")) return {};
  return parameter(content_type, "boundary");
}

std::optional<FormValue> find_form_value(std::string_view form, std::string_view boundary,
                                         std::string_view name) {
  if (boundary.empty()) return std::nullopt;
  const std::string first = "--" + std::string(boundary);
  const std::string delimiter = "\r\n" + first;
  std::size_t at = form.starts_with(first) ? first.size() : nowhere;
  while (at != nowhere && form.substr(at).starts_with("\r\n")) {
    const auto head_end = form.find("\r\n\r\n", at);
    if (head_end == nowhere) return std::nullopt;
    const std::size_t value = head_end + 4;
    const auto value_end = form.find(delimiter, value);
    if (value_end == nowhere) return std::nullopt;
    if (is_field(form.substr(at + 2, head_end - at - 2), name)) {
      return FormValue{value, value_end - value};
    }
    at = value_end + delimiter.size();
  }
  return std::nullopt;
}

}  // namespace hawser::dialect
