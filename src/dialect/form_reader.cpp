#include "dialect/form_reader.hpp"

#include <algorithm>
#include <utility>

#include "wire/characters.hpp"
#include "wire/http1.hpp"

namespace hawser::dialect {
namespace {

constexpr auto nowhere = std::string_view::npos;

/// Names that every reader reads alike. Brackets are those of lists: "image[]".
bool plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return wire::is_alnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' ||
           c == '[' || c == ']';
  });
}

bool boundary_valid(std::string_view boundary) {
  constexpr std::string_view marks = "'()+_,-./:=? ";
  return !boundary.empty() && boundary.size() <= 70 && !boundary.ends_with(' ') &&
         std::all_of(boundary.begin(), boundary.end(), [marks](char c) {
           return wire::is_alnum(static_cast<unsigned char>(c)) || marks.find(c) != nowhere;
         });
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

struct Disposition {
  std::optional<std::string> name{};
  bool file = false;
};

/// `form-data; name="x"; filename="y"`. @return false: it can be read in two ways
bool read_disposition(std::string_view value, Disposition& out) {
  skip_blanks(value);
  const auto kind = value.substr(0, value.find_first_of("; \t"));
  if (!wire::same_token(kind, "form-data")) return false;
  value.remove_prefix(kind.size());
  for (skip_blanks(value); !value.empty(); skip_blanks(value)) {
    if (!value.starts_with(';')) return false;
    value.remove_prefix(1);
    skip_blanks(value);
    const auto equals = value.find('=');
    if (equals == nowhere) return false;
    const std::string_view name = value.substr(0, equals);
    value.remove_prefix(equals + 1);
    std::string_view text;
    if (value.starts_with('"')) {
      const auto end = value.find('"', 1);
      if (end == nowhere) return false;
      text = value.substr(1, end - 1);
      value.remove_prefix(end + 1);
    } else {
      text = value.substr(0, value.find_first_of("; \t"));
      value.remove_prefix(text.size());
    }
    if (wire::same_token(name, "name")) {
      if (out.name || !plain_name(text)) return false;
      out.name = text;
    } else if (wire::same_token(name, "filename") || wire::same_token(name, "filename*")) {
      // An escaped quote would end the name earlier for one reader than for another.
      if (text.ends_with('\\')) return false;
      out.file = true;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

FormReader::FormReader(std::string_view boundary, Allows allows) : allows_(allows) {
  delimiter_.append("\r\n--").append(boundary);
  if (!boundary_valid(boundary)) fail("The boundary of the form is malformed.");
}

bool FormReader::fail(std::string_view problem) {
  problem_ = problem;
  phase_ = Phase::over;
  return false;
}

void FormReader::consume(std::string_view& rest, std::size_t size) {
  rest.remove_prefix(size);
  at_ += size;
}

bool FormReader::feed(std::string_view bytes) {
  while (!bytes.empty() && problem_.empty()) {
    if (!step(bytes)) break;
  }
  return problem_.empty();
}

bool FormReader::finish() {
  if (!problem_.empty()) return false;
  if (phase_ == Phase::over) return true;
  return fail("The form ends before its last boundary.");
}

bool FormReader::step(std::string_view& rest) {
  switch (phase_) {
    case Phase::opening:
      return take_opening(rest);
    case Phase::behind_boundary:
      return take_behind_boundary(rest);
    case Phase::headers:
      return take_headers(rest);
    case Phase::content:
      return take_content(rest);
    case Phase::over:
      // A line end behind the last boundary is usual; anything else is an epilogue.
      held_.append(rest.substr(0, 3));
      consume(rest, rest.size());
      if (std::string_view("\r\n").starts_with(held_)) return true;
      return fail("The form goes on behind its last boundary.");
  }
  return false;
}

/// The first boundary has no line end before it.
bool FormReader::take_opening(std::string_view& rest) {
  const std::string_view opening = std::string_view(delimiter_).substr(2);
  const std::size_t wanted = std::min(opening.size() - held_.size(), rest.size());
  held_.append(rest.substr(0, wanted));
  consume(rest, wanted);
  if (!opening.starts_with(held_)) return fail("The form does not begin with its boundary.");
  if (held_.size() < opening.size()) return true;
  held_.clear();
  phase_ = Phase::behind_boundary;
  return true;
}

bool FormReader::take_behind_boundary(std::string_view& rest) {
  const std::size_t wanted = std::min(2 - held_.size(), rest.size());
  held_.append(rest.substr(0, wanted));
  consume(rest, wanted);
  if (held_.size() < 2) return true;
  const bool last = held_ == "--";
  if (!last && held_ != "\r\n") return fail("A boundary of the form is malformed.");
  held_.clear();
  phase_ = last ? Phase::over : Phase::headers;
  if (!last && ++parts_ > parts_max) return fail("The form has too many parts.");
  return true;
}

bool FormReader::take_headers(std::string_view& rest) {
  const std::size_t before = held_.size();
  const std::size_t room = headers_max - before;
  held_.append(rest.substr(0, room));
  // The empty line may have begun in what was there before.
  const auto end = held_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == nowhere) {
    consume(rest, std::min(room, rest.size()));
    return held_.size() < headers_max || fail("The headers of a part of the form are too large.");
  }
  consume(rest, end + 4 - before);
  held_.resize(end + 2);
  const bool begun = begin_part();
  held_.clear();
  phase_ = begun ? Phase::content : Phase::over;
  return begun;
}

bool FormReader::read_header(std::string_view line, std::optional<std::string>& name, bool& file) {
  const auto colon = line.find(':');
  if (colon == nowhere || colon == 0 || !wire::all(wire::token, line.substr(0, colon)) ||
      !wire::all(wire::value, line.substr(colon + 1))) {
    return fail("A header of a part of the form is malformed.");
  }
  if (wire::same_token(line.substr(0, colon), "content-transfer-encoding")) {
    return fail("Parts of a form have no Content-Transfer-Encoding.");
  }
  if (!wire::same_token(line.substr(0, colon), "content-disposition")) return true;
  Disposition disposition;
  if (name || !read_disposition(line.substr(colon + 1), disposition) || !disposition.name) {
    return fail("The Content-Disposition of a part of the form is malformed.");
  }
  name = std::move(disposition.name);
  file = disposition.file;
  return true;
}

/// `held_` is the part's header lines.
bool FormReader::begin_part() {
  std::string_view lines = held_;
  std::optional<std::string> name;
  bool file = false;
  while (!lines.empty()) {
    const auto end = lines.find("\r\n");
    if (!read_header(lines.substr(0, end), name, file)) return false;
    lines.remove_prefix(end + 2);
  }
  if (!name) return fail("A part of the form has no name.");
  if (allows_ != nullptr && !allows_(*name)) {
    return fail("The field \"" + *name + "\" may not stand in a form here: send it as JSON.");
  }
  if (parts_reader_ != nullptr) parts_reader_->begin_part(*name, file);
  if (!wire::same_token(*name, "model") && !wire::same_token(*name, "model[]")) return true;
  if (*name != "model" || file)
    return fail("The field \"model\" of the form must be a plain text.");
  if (model_done_) return fail("The form has more than one field \"model\".");
  in_model_ = true;
  model_at_ = at_;
  return true;
}

bool FormReader::take_content(std::string_view& rest) {
  // `held_` is a beginning of the delimiter that ended the bytes before.
  if (!held_.empty()) {
    const std::size_t wanted = std::min(delimiter_.size() - held_.size(), rest.size());
    const std::string tried = held_ + std::string(rest.substr(0, wanted));
    if (std::string_view(delimiter_).starts_with(tried)) {
      consume(rest, wanted);
      held_ = tried;
      return held_.size() < delimiter_.size() || end_part();
    }
    // It was content. What begins a delimiter within it is looked for again, without its first
    // byte.
    std::size_t content = 1;
    while (content < held_.size() &&
           !std::string_view(delimiter_).starts_with(std::string_view(held_).substr(content))) {
      ++content;
    }
    tell_content(std::string_view(held_).substr(0, content));
    if (in_model_) model_.append(held_, 0, content);
    held_.erase(0, content);
    return model_.size() <= model_max || fail("The field \"model\" of the form is too long.");
  }
  const auto found = rest.find(delimiter_);
  std::size_t content = found;
  if (found == nowhere) {
    // The longest beginning of a delimiter at the end of these bytes.
    std::size_t tail = std::min(delimiter_.size() - 1, rest.size());
    while (tail > 0 && !std::string_view(delimiter_).starts_with(rest.substr(rest.size() - tail))) {
      --tail;
    }
    content = rest.size() - tail;
  }
  tell_content(rest.substr(0, content));
  if (in_model_) model_.append(rest.substr(0, std::min(content, model_max + 1)));
  if (model_.size() > model_max) return fail("The field \"model\" of the form is too long.");
  if (found == nowhere) {
    held_ = rest.substr(content);
    consume(rest, rest.size());
    return true;
  }
  consume(rest, content + delimiter_.size());
  return end_part();
}

bool FormReader::end_part() {
  held_.clear();
  if (parts_reader_ != nullptr) parts_reader_->end_part();
  model_done_ = model_done_ || std::exchange(in_model_, false);
  phase_ = Phase::behind_boundary;
  return true;
}

}  // namespace hawser::dialect
