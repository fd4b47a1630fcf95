#include "filter/detector.hpp"

namespace hawser::filter {
namespace {

constexpr std::size_t local_size_max = 64;  // RFC 5321, 4.5.3.1.1

/// Where the domain at `start` ends: behind its last label of letters that follows another; 0: it
/// is none. `more`: what comes may still belong to it.
std::size_t domain_end(const Place& place, std::size_t start, bool& more) {
  std::size_t at = start, good = 0;
  for (int labels = 1; at < personal_size_max; ++labels) {
    const std::size_t size = place.run(at, alnum | dash, personal_size_max - at);
    const std::size_t letters = place.run(at, upper | lower, size);
    if (place[at + size] == unknown && at + size < personal_size_max) {
      more = true;
      return 0;
    }
    if (size == 0 || place[at] == '-' || place[at + size - 1] == '-') break;
    if (labels > 1 && letters == size && size >= 2) good = at + size;
    if (place[at + size] != '.') break;
    at += size + 1;
  }
  return good;
}

/// A number of at most three digits up to 255; its digits, 0 if it is none.
std::size_t octet_size(const Place& place, std::size_t start) {
  const std::size_t size = place.run(start, digit, 4);
  if (size == 0 || size > 3) return 0;
  int number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number * 10 + (place[start + i] - '0');
  if (number > 255 || (size > 1 && place[start] == '0')) return 0;
  return size;
}

Verdict detect_ipv4(const Place& place) {
  if (place.before() == '.' || place[0] == '0') return no_match();
  std::size_t at = 0;
  for (int octet = 0; octet < 4; ++octet) {
    const std::size_t size = octet_size(place, at);
    // A digit that comes may make a number too big.
    if (place[at + size] == unknown || place[at + place.run(at, digit, 3)] == unknown) {
      return need_more();
    }
    if (size == 0) return no_match();
    at += size;
    if (octet == 3) break;
    if (place[at] != '.') return no_match();
    ++at;
    if (place[at] == unknown) return need_more();
  }
  if (in(word, place[at])) return no_match();
  if (place[at] == '.') {
    if (place[at + 1] == unknown) return need_more();
    if (in(digit, place[at + 1])) return no_match();
  }
  const std::string_view text = place.rest().substr(0, at);
  // Short ones are versions and sections; loopback and masks tell nothing of anybody.
  const bool short_one = at < 9 || (at < 10 && place[1] == '.');
  if (short_one || text.starts_with("127.") || text.starts_with("255.")) return no_match();
  return match_of(at);
}

Verdict detect_ipv6(const Place& place) {
  if (place.before() == ':' || place.before() == '.') return no_match();
  int groups = 0, colons = 0;
  bool gap = false, digits = false;
  std::size_t at = 0;
  while (groups < 8) {
    const std::size_t size = place.run(at, hex, 5);
    if (place[at + size] == unknown) return need_more();
    if (size > 4) return no_match();
    digits = digits || place.run(at, upper | lower, size) < size;
    at += size;
    if (size > 0) ++groups;
    if (place[at] != ':' || groups == 8) break;
    if (place[at + 1] == unknown) return need_more();
    if (place[at + 1] == ':') {
      if (gap) return no_match();
      gap = true;
      at += 2;
      colons += 2;
      if (place[at] == unknown) return need_more();
      if (!in(hex, place[at])) break;
    } else {
      if (size == 0 || !in(hex, place[at + 1])) break;
      at += 1;
      colons += 1;
    }
  }
  if (in(word, place[at]) || place[at] == ':') return no_match();
  const bool whole = groups == 8 ? !gap : gap;
  if (!whole || !digits || colons < 3 || groups < 2) return no_match();
  return match_of(at);
}

}  // namespace

Verdict detect_email(const Place& place) {
  if (!in(word, place[0]) || place.after(word) || place.is_escape()) return no_match();
  const std::size_t size = place.run(0, local, local_size_max + 1);
  if (size > local_size_max) return no_match();
  if (place[size] == unknown) return need_more();
  if (place[size] != '@') return no_match();
  bool more = false;
  const std::size_t end = domain_end(place, size + 1, more);
  if (more) return need_more();
  if (end == 0) return no_match();
  // git@host:path names a repository.
  if (place.rest().starts_with("git@") && place[end] == ':') return no_match();
  return match_of(end);
}

Verdict detect_ip(const Place& place) {
  if (place.after(word)) return no_match();
  if (in(digit, place[0])) {
    if (const Verdict verdict = detect_ipv4(place)) return verdict;
  }
  if (!in(hex, place[0])) return no_match();
  return detect_ipv6(place);
}

Verdict detect_mac(const Place& place) {
  if (place.after(word) || place.before() == ':' || place.before() == '-') {
    return no_match();
  }
  int separator = 0;
  bool varied = false;
  for (std::size_t pair = 0; pair < 6; ++pair) {
    const std::size_t at = pair * 3;
    for (std::size_t i = 0; i < 2; ++i) {
      if (place[at + i] == unknown) return need_more();
      if (!in(hex, place[at + i])) return no_match();
      varied = varied || place[at + i] != place[0];
    }
    const int next = place[at + 2];
    if (next == unknown) return need_more();
    if (pair == 0) {
      if (next != ':' && next != '-') return no_match();
      separator = next;
    } else if (pair < 5 && next != separator) {
      return no_match();
    }
    if (pair == 5 && (in(word, next) || next == separator)) return no_match();
  }
  return varied ? match_of(17) : no_match();
}

}  // namespace hawser::filter
