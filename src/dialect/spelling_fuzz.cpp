// Properties: equivalent spellings of a request decide alike.
//  - A JSON body that is accepted, with other blanks and other escapes, is accepted, names the same
//    model, shows policies the same texts and the same objects, and has the same canonical form.
//  - A canonical path, as a lax server reads it (decoded twice, folded, without parameters), is the
//    same operation on the same model and object, or one that is not known.
//  - A media type with other blanks and in other case is the same.
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/canonical_json.hpp"
#include "dialect/endpoint.hpp"
#include "dialect/object_references.hpp"
#include "dialect/request_peek.hpp"
#include "dialect/request_text.hpp"
#include "dialect/rewrite_text.hpp"
#include "wire/media_type.hpp"
#include "wire/path.hpp"
#include "wire/percent.hpp"

namespace {

using namespace hawser;

/// Says how each place is spelt: a small generator, so that an input is one case.
class Choice {
 public:
  explicit Choice(std::uint8_t seed) : state_(seed * 2654435761U + 1) {}
  bool one_in(unsigned n) {
    state_ = state_ * 1664525U + 1013904223U;
    return (state_ >> 16) % n == 0;
  }

 private:
  std::uint32_t state_;
};

void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 15U];
}

/// A character of a string that stands as it is, as an escape of it. @return its bytes
std::size_t escape_character(std::string_view rest, std::string& out) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
  if (byte(0) < 0x80) {
    append_escape(out, byte(0));
    return 1;
  }
  const std::size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  std::uint32_t point = byte(0) & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(i) & 0x3fU);
  if (point < 0x10000) {
    append_escape(out, point);
  } else {
    append_escape(out, 0xd800 + ((point - 0x10000) >> 10));
    append_escape(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
  }
  return size;
}

/// JSON that is valid, spelt otherwise.
std::string respelt(std::string_view json, Choice choice) {
  std::string out;
  bool in_string = false;
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    if (!in_string) {
      const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
      const bool structural = std::string_view("{}[],:\"").find(c) != std::string_view::npos;
      if (structural && c != '"' && choice.one_in(4)) out += "\r\n\t ";
      if (!blank || choice.one_in(2)) out += c;
      if (structural && c != '"' && choice.one_in(4)) out += ' ';
      in_string = c == '"';
      ++at;
    } else if (c == '"') {
      out += c;
      in_string = false;
      ++at;
    } else if (c == '\\') {
      const std::size_t size = json[at + 1] == 'u' ? 6 : 2;
      out.append(json.substr(at, size));
      at += size;
    } else if (choice.one_in(3)) {
      at += escape_character(json.substr(at), out);
    } else {
      do {
        out += json[at++];
      } while ((static_cast<unsigned char>(json[at]) & 0xc0U) == 0x80U);
    }
  }
  return out;
}

/// All that a policy looks at in a body.
struct Reading {
  bool accepted = false;
  dialect::RequestFacts facts{};
  std::string user{};
  std::vector<std::string> texts{};
  std::vector<std::string> prompts{};
  std::vector<std::pair<dialect::ObjectKind, std::string>> objects{};
  bool referable = false;
  std::optional<std::string> canonical{};

  bool operator==(const Reading& other) const {
    return accepted == other.accepted && dialect::decide_alike(facts, other.facts) &&
           user == other.user && texts == other.texts && prompts == other.prompts &&
           objects == other.objects && referable == other.referable && canonical == other.canonical;
  }
};

Reading reading_of(std::string_view body, dialect::PeekMode mode) {
  Reading out;
  out.accepted = dialect::peek_request(body, out.facts, mode).has_value();
  if (!out.accepted) return out;
  boost::system::error_code failed;
  if (!out.facts.user.empty()) {
    const auto user = boost::json::parse(out.facts.user, failed);
    if (!failed && user.is_string()) out.user = user.get_string();
  }
  (void)dialect::rewrite_texts(body, [&](const dialect::FoundText& found, std::string&) {
    out.texts.push_back(std::string(found.name) + (found.json ? " is " : ": ") +
                        std::string(found.text));
    return false;
  });
  dialect::for_each_text(body, [&](std::string_view text) { out.prompts.emplace_back(text); });
  out.referable = dialect::for_each_reference(body, dialect::batch_line_rules,
                                              [&](dialect::ObjectKind kind, std::string_view id) {
                                                out.objects.emplace_back(kind, id);
                                              }) == dialect::ReferencesRead::all;
  out.canonical = canonical_json(body, {});
  return out;
}

void check_body(std::string_view body, std::uint8_t seed) {
  for (const auto mode : {dialect::PeekMode::known, dialect::PeekMode::unknown}) {
    const Reading plain = reading_of(body, mode);
    if (!plain.accepted) continue;
    const std::string other = respelt(body, Choice(seed));
    if (!(reading_of(other, mode) == plain)) std::abort();
  }
}

std::string decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::optional<std::string> byte;
    if (text[0] == '%' && text.size() >= 3) byte = wire::percent_decoded(text.substr(0, 3));
    out.push_back(byte ? byte->front() : text.front());
    text.remove_prefix(byte ? 3 : 1);
  }
  return out;
}

/// As servers do that take "\" for "/", drop parameters of segments, fold dots and empty segments.
std::string folded(std::string_view path) {
  std::vector<std::string> segments;
  std::string segment;
  for (const char c : std::string(path) + "/") {
    if (c != '/' && c != '\\') {
      segment.push_back(c);
      continue;
    }
    segment.resize(std::min(segment.find(';'), segment.size()));
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    segment.clear();
  }
  std::string out;
  for (const auto& each : segments) out += "/" + each;
  return out;
}

void check_path(std::string_view path) {
  if (path.size() > 4096 || !wire::path_problem(path).empty()) return;
  for (const std::string_view method : {"GET", "POST", "DELETE"}) {
    const auto plain = dialect::endpoint_of(method, path);
    if (!plain.known || plain.operation() == dialect::Operation::unknown) continue;
    const std::string once = decoded(path);
    for (const auto& lax : {folded(path), folded(once), folded(decoded(once))}) {
      const auto read = dialect::endpoint_of(method, lax);
      if (read.operation() != plain.operation()) std::abort();
      // What is decoded twice may be another name, but not another place in the path.
      if (lax == folded(once) && (wire::decoded_segment(plain.model()) != read.model() ||
                                  wire::decoded_segment(plain.object()) != read.object())) {
        std::abort();
      }
    }
  }
}

void check_type(std::string_view text, Choice choice) {
  wire::MediaType plain;
  if (!wire::parse_media_type(text, plain)) return;
  const auto swapped = [&choice](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter && choice.one_in(2) ? static_cast<char>(c ^ 0x20) : c;
  };
  std::string other;  // parameters stay: a boundary's case counts
  const auto end = std::min(text.find(';'), text.size());
  for (const char c : text.substr(0, end)) other.push_back(swapped(c));
  other.append(text.substr(end));
  wire::MediaType read;
  if (!wire::parse_media_type(other, read) || read.json() != plain.json() ||
      read.form() != plain.form() || read.utf8() != plain.utf8() ||
      read.boundary != plain.boundary) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data + 2), size - 2);
  switch (data[0] % 3) {
    case 0:
      check_body(rest, data[1]);
      break;
    case 1:
      check_path(rest);
      break;
    default:
      check_type(rest, Choice(data[1]));
      break;
  }
  return 0;
}
