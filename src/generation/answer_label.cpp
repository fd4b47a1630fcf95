#include "generation/answer_label.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "base/utf8.hpp"
#include "generation/read_whole.hpp"
#include "wire/http1.hpp"
#include "wire/media_type.hpp"

namespace hawser::generation {
namespace {

std::size_t count_fields(std::string_view fields, std::string_view name) {
  std::size_t count = 0;
  while (!fields.empty()) {
    const auto end = std::min(fields.find("\r\n"), fields.size());
    const std::string_view line = fields.substr(0, end);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && wire::same_token(line.substr(0, colon), name)) ++count;
    fields.remove_prefix(std::min(end + 2, fields.size()));
  }
  return count;
}

}  // namespace

AnswerLabel read_label(const AnswerHead& head) {
  AnswerLabel label;
  if (count_fields(head.fields, "content-type") > 1) {
    label.unreadable = "it has two content types";
    return label;
  }
  wire::MediaType media;
  if (!wire::parse_media_type(field_value(head.fields, "content-type"), media) ||
      !(media.json() || wire::same_token(media.type, "text"))) {
    label.unreadable = "its content type is not one of texts";
    return label;
  }
  label.json = media.json();
  const bool known = media.charset.empty() || media.utf8() ||
                     wire::same_token(media.charset, "us-ascii") ||
                     wire::same_token(media.charset, "ascii");
  if (!known) label.unreadable = "its characters are not UTF-8";
  return label;
}

bool read_as_json(const AnswerLabel& label, std::string_view body) {
  const auto at = body.find_first_not_of(" \t\r\n");
  if (at == std::string_view::npos) return false;
  const bool begins = body[at] == '{' || body[at] == '[' || body[at] == '"';
  return label.json || (begins && is_json(body));
}

bool is_plain_text(std::string_view body) {
  return is_utf8(body) && body.find('\0') == std::string_view::npos;
}

}  // namespace hawser::generation
