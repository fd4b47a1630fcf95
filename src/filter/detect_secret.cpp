#include <algorithm>
#include <array>

#include "filter/detector.hpp"
#include "filter/key_format.hpp"

namespace hawser::filter {
namespace {

enum class Begins : std::uint8_t { no, more, yes };

/// Whether the place begins with `prefix`.
Begins begins(const Place& place, std::string_view prefix) {
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const int byte = place[i];
    if (byte == unknown) return Begins::more;
    if (byte != prefix[i]) return Begins::no;
  }
  return Begins::yes;
}

bool is_random(std::string_view text) {
  const auto has = [text](ByteSet set) {
    return std::any_of(text.begin(), text.end(), [set](char c) { return in(set, c); });
  };
  return has(digit) && has(upper | lower) && entropy(text) >= 2.8;
}

Verdict match_format(const KeyFormat& format, const Place& place) {
  const Begins prefix = begins(place, format.prefix);
  if (prefix == Begins::no) return no_match();
  if (prefix == Begins::more) return need_more();
  const std::size_t start = format.prefix.size();
  const std::size_t most = secret_size_max - start;
  std::size_t size = place.run(start, format.bytes, most);
  const int next = place[start + size];
  if (size < most && next == unknown) {
    if (format.most == 0 || size <= format.most) return need_more(true);
  }
  const bool open = size == most;  // it may go on behind what may be held back
  while (!open && size > 0 && place[start + size - 1] == '.') --size;  // of a sentence
  if (size < format.least || (format.most > 0 && size > format.most)) return no_match();
  if (format.most > 0 && in(word, next)) return no_match();
  if (format.random && !is_random(place.rest().substr(start, size))) return no_match();
  Verdict verdict = match_of(start + size, format.what);
  if (open) {
    verdict.tail = Tail::bytes;
    verdict.tail_bytes = format.bytes;
  }
  return verdict;
}

/// First bytes of the formats; each has few formats.
struct Range {
  std::array<std::uint8_t, 12> formats{};
  std::size_t count = 0;
};
std::array<Range, 128> make_ranges() {
  std::array<Range, 128> ranges{};
  const auto formats = key_formats();
  for (std::size_t i = 0; i < formats.size(); ++i) {
    Range& range = ranges[static_cast<unsigned char>(formats[i].prefix.front())];
    range.formats.at(range.count++) = static_cast<std::uint8_t>(i);
  }
  return ranges;
}
const std::array<Range, 128> ranges_of_formats = make_ranges();

constexpr ByteSet token_bytes = alnum | dash;

/// Names whose value is a credential; what stands before them does not matter.
constexpr std::array<std::string_view, 9> secret_names{"key",        "secret",     "token",
                                                       "password",   "passwd",     "pwd",
                                                       "passphrase", "credential", "credentials"};
constexpr std::size_t name_size_max = 40;

/// Whether the name before an '=' or ':' announces a credential.
bool is_named(const Place& place) {
  std::size_t back = 1;
  for (int skipped = 0; skipped < 3; ++skipped, ++back) {
    const char c = place.before(back);
    if (!in(blank, c) && c != '"' && c != '\'' && c != '\\') break;
  }
  for (const std::string_view name : secret_names) {
    if (place.at < back - 1 + name.size() || name.size() + back > name_size_max) continue;
    const auto found = place.text.substr(place.at - (back - 1) - name.size(), name.size());
    if (std::equal(name.begin(), name.end(), found.begin(),
                   [](char a, char b) { return a == to_lower(b); })) {
      return true;
    }
  }
  return false;
}

/// "self.name_2": the code that makes the value.
bool is_code(std::string_view text) {
  return text.find('.') != text.npos && in(upper | lower, text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return in(word | dot, c); });
}

bool is_high_entropy(std::string_view text) {
  int kinds = 0;
  for (const ByteSet set : {upper, lower, digit}) {
    kinds += std::any_of(text.begin(), text.end(), [set](char c) { return in(set, c); });
  }
  if (!std::any_of(text.begin(), text.end(), [](char c) { return in(digit, c); })) return false;
  if (text.size() < 8 || kinds < 2 || is_code(text)) return false;
  if (text.size() < 16) return kinds == 3 && entropy(text) >= 2.8;
  return entropy(text) >= 3.5;
}

}  // namespace

Verdict detect_credential(const Place& place) {
  if (place.after(alnum)) return no_match();
  const int first = place[0];
  if (first < 0 || first >= 128) return no_match();
  const Range& range = ranges_of_formats[static_cast<std::size_t>(first)];
  for (std::size_t i = 0; i < range.count; ++i) {
    if (Verdict verdict = match_format(key_formats()[range.formats.at(i)], place)) return verdict;
  }
  return no_match();
}

Verdict detect_jwt(const Place& place) {
  if (place.after(alnum)) return no_match();
  const Begins prefix = begins(place, "eyJ");
  if (prefix != Begins::yes) return prefix == Begins::more ? need_more() : no_match();
  const std::size_t head = place.run(0, token_bytes, secret_size_max - 32);
  if (place[head] == unknown) return need_more(head > 16);
  if (head < 16 || place[head] != '.') return no_match();
  const Place body{place.text, place.at + head + 1, place.ended};
  const Begins second = begins(body, "eyJ");
  if (second != Begins::yes) return second == Begins::more ? need_more(true) : no_match();
  const std::size_t most = secret_size_max;
  std::size_t size = place.run(0, token_bytes | dot, most);
  if (size < most && place[size] == unknown) return need_more(true);
  Verdict verdict{};
  if (size == most) verdict.tail = Tail::bytes, verdict.tail_bytes = token_bytes | dot;
  while (size < most && place[size - 1] == '.') --size;
  verdict.state = Verdict::State::match;
  verdict.size = static_cast<std::uint16_t>(size);
  verdict.what = "jwt";
  return verdict;
}

Verdict detect_private_key(const Place& place) {
  constexpr std::string_view opening = "-----BEGIN ", closing = "PRIVATE KEY";
  if (place.before() == '-') return no_match();
  const Begins prefix = begins(place, opening);
  if (prefix != Begins::yes) return prefix == Begins::more ? need_more() : no_match();
  const std::size_t most = 64;
  std::size_t size = opening.size();
  while (size < most && (in(upper | digit, place[size]) || place[size] == ' ')) ++size;
  const std::string_view name = place.rest().substr(opening.size(), size - opening.size());
  if (place[size] == unknown) return need_more(name.find(closing) != std::string_view::npos);
  if (!name.ends_with(closing) && !name.ends_with("PRIVATE KEY BLOCK")) return no_match();
  for (std::size_t i = 0; i < 5; ++i) {
    if (place[size + i] == unknown) return need_more(true);
    if (place[size + i] != '-') return no_match();
  }
  Verdict verdict = match_of(size + 5, "private_key");
  verdict.tail = Tail::pem;
  return verdict;
}

Verdict detect_assigned_secret(const Place& place) {
  if ((place[0] != '=' && place[0] != ':') || !is_named(place)) return no_match();
  std::size_t start = 1;
  while (start < 8 && (in(blank, place[start]) || place[start] == '"' || place[start] == '\'' ||
                       place[start] == '\\')) {
    ++start;
  }
  if (place[start] == unknown) return need_more();
  if (place[start] == '=' || place[start] == '$') return no_match();  // a comparison, a variable
  const std::size_t most = secret_size_max - start;
  std::size_t size = place.run(start, value, most);
  if (size < most && place[start + size] == unknown) return need_more();
  if (size < most && place[start + size] == '(') return no_match();  // a call
  const bool open = size == most;
  while (!open && size > 0 && place[start + size - 1] == '.') --size;
  if (!is_high_entropy(place.rest().substr(start, size))) return no_match();
  Verdict verdict = match_of(size, "assigned_secret");
  verdict.keep = static_cast<std::uint16_t>(start);
  if (open) verdict.tail = Tail::bytes, verdict.tail_bytes = value;
  return verdict;
}

}  // namespace hawser::filter
