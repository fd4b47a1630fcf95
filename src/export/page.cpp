#include "export/page.hpp"

#include <fmt/format.h>

namespace hawser::exporting {
namespace {

/// @param quotes  they are escaped in label values, not in HELP texts
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out.append("\\n");
      continue;
    }
    if (c == '\\' || (quotes && c == '"')) out.push_back('\\');
    out.push_back(c);
  }
}

}  // namespace

void Page::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).push_back(' ');
  append_escaped(text_, help, false);
  text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Page::line(std::string_view suffix, std::span<const Label> labels, std::string_view number) {
  text_.append(name_).append(suffix);
  char before = '{';
  for (const auto& [name, value] : labels) {
    text_.push_back(std::exchange(before, ','));
    text_.append(name).append("=\"");
    append_escaped(text_, value, true);
    text_.push_back('"');
  }
  if (!labels.empty()) text_.push_back('}');
  text_.append(" ").append(number).append("\n");
}

std::string Page::text_of(double number) {
  return fmt::format("{}", number);
}

}  // namespace hawser::exporting
