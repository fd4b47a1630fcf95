#include "wire/http1.hpp"

#include <algorithm>
#include <cstring>

#include "wire/characters.hpp"

namespace hawser::wire {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

HeadOutcome bad(int status, std::string_view problem) {
  return {HeadOutcome::State::malformed, 0, status, problem};
}
constexpr HeadOutcome fine{};

/// What the fields say of the message; filled while they are parsed.
struct Facts {
  int hosts = 0;
  std::string_view host{};
  bool has_length = false;
  std::uint64_t length = 0;
  int codings = 0;  // Transfer-Encoding fields
  std::string_view coding{};
  bool close = false;
  bool keep_alive = false;
  std::string_view expect{};
  bool bad_length = false;
};

bool parse_decimal(std::string_view text, std::uint64_t& out) {
  if (text.empty() || text.size() > 19) return false;
  out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    out = out * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

void note_field(const Field& field, Facts& facts) {
  switch (field.name.size()) {
    case 4:
      if (!same_token(field.name, "host")) return;
      ++facts.hosts;
      facts.host = field.value;
      return;
    case 6:
      if (same_token(field.name, "expect")) facts.expect = field.value;
      return;
    case 10:
      if (!same_token(field.name, "connection")) return;
      facts.close |= list_has(field.value, "close");
      facts.keep_alive |= list_has(field.value, "keep-alive");
      return;
    case 14:
      if (!same_token(field.name, "content-length")) return;
      // A second one is refused even when it says the same: somebody on the way disagrees.
      if (facts.has_length || !parse_decimal(field.value, facts.length)) facts.bad_length = true;
      facts.has_length = true;
      return;
    case 17:
      if (!same_token(field.name, "transfer-encoding")) return;
      ++facts.codings;
      facts.coding = field.value;
      return;
    default:
      return;
  }
}

/// One "Name: value" line at the front of `bytes`. @param size  of the line with its CR LF
HeadOutcome parse_field(std::string_view bytes, Field& field, std::size_t& size) {
  if (bytes.front() == ' ' || bytes.front() == '\t') return bad(400, "a header line is folded");
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* name_end = begin;
  while (name_end < end && is(token, *name_end)) ++name_end;
  if (name_end == begin || name_end == end || *name_end != ':') {
    return bad(400, "a header name is malformed, or a line has no colon");
  }
  const char* value = name_end + 1;
  while (value < end && (*value == ' ' || *value == '\t')) ++value;
  const char* value_end = value + value_run(value, end);
  if (value_end == end || *value_end == '\n') return bad(400, "a line ends without CR LF");
  if (*value_end != '\r' || value_end + 1 == end || value_end[1] != '\n') {
    return bad(400, "a header value holds a control character");
  }
  size = static_cast<std::size_t>(value_end + 2 - begin);
  while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t')) --value_end;
  field = {{begin, static_cast<std::size_t>(name_end - begin)},
           {value, static_cast<std::size_t>(value_end - value)}};
  return fine;
}

/// Parses "Name: value" lines up to the empty one. `bytes` ends with it.
HeadOutcome parse_fields(std::string_view bytes, std::size_t at, const HeadLimits& limits,
                         std::vector<Field>& fields, Facts& facts) {
  fields.clear();
  if (fields.capacity() == 0) fields.reserve(24);
  for (;;) {
    const std::string_view rest = bytes.substr(at);
    if (rest.empty()) return bad(400, "a header line has no end");
    if (rest.front() == '\n') return bad(400, "a line ends without CR LF");
    if (rest.starts_with("\r\n")) return fine;
    if (fields.size() == limits.fields_max) return bad(431, "too many headers");
    Field field;
    std::size_t size = 0;
    const HeadOutcome parsed = parse_field(rest, field, size);
    if (parsed.state == HeadOutcome::State::malformed) return parsed;
    at += size;
    fields.push_back(field);
    note_field(field, facts);
  }
}

/// How many bytes go before an LF that is followed by another, or by CR LF.
std::size_t run_until_empty_line(const char* at, const char* end) {
  const char* const begin = at;
#ifdef __SSE2__
  for (; end - at >= 18; at += 16) {
    const auto sixteen = [](const char* from) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    };
    const __m128i next = sixteen(at + 1);
    const __m128i ended =
        _mm_or_si128(equal_bytes(next, '\n'),
                     _mm_and_si128(equal_bytes(next, '\r'), equal_bytes(sixteen(at + 2), '\n')));
    const int found = _mm_movemask_epi8(_mm_and_si128(equal_bytes(sixteen(at), '\n'), ended));
    if (found == 0) continue;
    return static_cast<std::size_t>(at - begin) +
           static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(found)));
  }
#endif
  for (; at < end; ++at) {
    if (*at != '\n' || end - at < 2) continue;
    if (at[1] == '\n' || (end - at >= 3 && at[1] == '\r' && at[2] == '\n')) break;
  }
  return static_cast<std::size_t>(at - begin);
}

/// Finds the end of the head: its size with the empty line, 0 when it is not there yet.
std::size_t head_end(std::string_view bytes, std::size_t& searched) {
  // The empty line may have begun up to three bytes before what was searched already.
  const std::size_t from = searched < 3 ? 0 : searched - 3;
  const char* const end = bytes.data() + bytes.size();
  const std::size_t at =
      from + (from < bytes.size() ? run_until_empty_line(bytes.data() + from, end) : 0);
  if (at + 1 >= bytes.size()) {
    searched = bytes.size();
    return 0;
  }
  // "\n\r\n" ends it; so does the malformed "\n\n", which the line parser then refuses.
  return bytes[at + 1] == '\n' ? at + 2 : at + 3;
}

HeadOutcome parse_version(std::string_view version, int& minor) {
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' ||
      version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9') {
    return bad(400, "the HTTP version is malformed");
  }
  if (version[5] != '1') return bad(505, "this is HTTP/1.1");
  minor = version[7] - '0';
  return fine;
}

bool valid_host(std::string_view text) {
  // uri-host [":" port]; commas, slashes and userinfo are where two programs could disagree.
  return !text.empty() && all(host, text);
}

HeadOutcome split_target(RequestHead& out) {
  std::string_view rest = out.target;
  if (rest == "*") {
    if (out.method != "OPTIONS") return bad(400, "the target * is for OPTIONS only");
    out.path = rest;
    return fine;
  }
  const bool absolute = rest.starts_with("http://") || rest.starts_with("https://");
  if (absolute) {
    rest.remove_prefix(rest.find("//") + 2);
    const auto slash = std::min(rest.find_first_of("/?"), rest.size());
    out.host = rest.substr(0, slash);
    if (!valid_host(out.host)) return bad(400, "the target's host is malformed");
    rest.remove_prefix(slash);
  }
  if (!absolute && !rest.starts_with('/')) return bad(400, "the target is malformed");
  const auto question = std::min(rest.find('?'), rest.size());
  out.path = question == 0 ? std::string_view("/") : rest.substr(0, question);
  out.query = question < rest.size() ? rest.substr(question + 1) : std::string_view();
  return fine;
}

HeadOutcome parse_request_line(std::string_view line, const HeadLimits& limits, RequestHead& out) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return bad(400, "the request line is malformed");
  }
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  if (out.method.empty() || out.method.size() > 32 || !all(token, out.method)) {
    return bad(400, "the method is malformed");
  }
  const HeadOutcome version = parse_version(line.substr(last + 1), out.minor_version);
  if (version.state == HeadOutcome::State::malformed) return version;
  if (out.target.size() > limits.target_max) return bad(414, "the target is too long");
  if (out.target.empty() || !all(target, out.target)) return bad(400, "the target is malformed");
  if (!served_method(out.method)) return bad(501, "the method is not served");
  return split_target(out);
}

/// RFC 9112, 6.3, without its leniencies.
HeadOutcome frame_request(const Facts& facts, RequestHead& out) {
  if (facts.bad_length) return bad(400, "Content-Length is malformed");
  if (facts.codings > 0) {
    if (facts.has_length) return bad(400, "both Content-Length and Transfer-Encoding");
    if (out.minor_version == 0) return bad(400, "Transfer-Encoding in HTTP/1.0");
    if (facts.codings > 1 || facts.coding.find(',') != std::string_view::npos) {
      return bad(400, "more than one transfer coding");
    }
    if (!same_token(facts.coding, "chunked")) {
      const bool known_form = !facts.coding.empty() && all(token, facts.coding);
      return bad(known_form ? 501 : 400, "the only transfer coding served is chunked");
    }
    out.framing = Framing::chunked;
  } else if (facts.has_length && facts.length > 0) {
    out.framing = Framing::length;
    out.content_length = facts.length;
  }
  return fine;
}

void reset(RequestHead& out) {
  out.path = out.query = out.host = {};
  out.framing = Framing::none;
  out.content_length = 0;
  out.keep_alive = true;
  out.expect_continue = false;
}

HeadOutcome finish_request(const Facts& facts, RequestHead& out) {
  if (facts.hosts > 1) return bad(400, "more than one Host header");
  if (facts.hosts == 0 && out.minor_version > 0) return bad(400, "no Host header");
  if (facts.hosts == 1) {
    if (!valid_host(facts.host)) return bad(400, "the Host header is malformed");
    if (out.host.empty()) out.host = facts.host;
  }
  const HeadOutcome framed = frame_request(facts, out);
  if (framed.state == HeadOutcome::State::malformed) return framed;
  out.keep_alive = !facts.close && (out.minor_version > 0 || facts.keep_alive);
  if (!facts.expect.empty()) {
    if (!same_token(facts.expect, "100-continue")) return bad(417, "unknown expectation");
    out.expect_continue = out.minor_version > 0 && out.framing != Framing::none;
  }
  return fine;
}

/// At most two empty lines may stand before a request (RFC 9112, 2.2).
std::size_t leading_lines(std::string_view bytes) {
  std::size_t skipped = 0;
  while (skipped < 4 && bytes.substr(skipped).starts_with("\r\n")) skipped += 2;
  return skipped;
}

HeadOutcome incomplete_or_too_large(std::string_view bytes, std::size_t skipped,
                                    const HeadLimits& limits) {
  if (bytes.size() - skipped <= limits.head_max) return fine;
  // No line end within the limit: it is the target that is too long.
  const bool one_line = bytes.substr(skipped, limits.head_max).find('\n') == std::string_view::npos;
  const auto blank = bytes.find(' ', skipped);
  if (one_line && blank != std::string_view::npos && blank < skipped + 33) {
    return bad(414, "the target is too long");
  }
  return bad(one_line ? 400 : 431, "the headers are too large");
}

HeadOutcome complete(std::size_t size) {
  HeadOutcome outcome;
  outcome.state = HeadOutcome::State::complete;
  outcome.consumed = size;
  return outcome;
}

template <class Head>
const Field* find_field(const Head& head, std::string_view name) {
  for (const Field& field : head.fields) {
    if (same_token(field.name, name)) return &field;
  }
  return nullptr;
}

HeadOutcome parse_status_line(std::string_view line, ResponseHead& out) {
  if (line.size() < 12 || line[8] != ' ') return bad(502, "the status line is malformed");
  const HeadOutcome version = parse_version(line.substr(0, 8), out.minor_version);
  if (version.state == HeadOutcome::State::malformed) return version;
  std::uint64_t status = 0;
  if (!parse_decimal(line.substr(9, 3), status) || status < 100 || status > 999) {
    return bad(502, "the status is malformed");
  }
  if (line.size() > 12 && line[12] != ' ') return bad(502, "the status line is malformed");
  out.status = static_cast<int>(status);
  out.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  if (!all(value, out.reason)) return bad(502, "the reason is malformed");
  return fine;
}

HeadOutcome frame_response(const Facts& facts, std::string_view method, ResponseHead& out) {
  if (facts.bad_length) return bad(502, "Content-Length is malformed");
  if (facts.codings > 0 && facts.has_length) {
    return bad(502, "both Content-Length and Transfer-Encoding");
  }
  if (facts.codings > 1 || (facts.codings == 1 && !same_token(facts.coding, "chunked"))) {
    return bad(502, "unknown transfer coding");
  }
  out.content_length = facts.length;
  const bool bodiless =
      method == "HEAD" || out.status < 200 || out.status == 204 || out.status == 304;
  if (bodiless) {
    out.framing = Framing::none;
  } else if (facts.codings == 1) {
    out.framing = Framing::chunked;
  } else {
    out.framing = facts.has_length ? Framing::length : Framing::until_close;
  }
  out.keep_alive = out.framing != Framing::until_close && !facts.close &&
                   (out.minor_version > 0 || facts.keep_alive);
  return fine;
}

}  // namespace

bool served_method(std::string_view method) {
  return method == "POST" || method == "GET" || method == "HEAD" || method == "PUT" ||
         method == "PATCH" || method == "DELETE" || method == "OPTIONS";
}

bool list_has(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (same_token(trim(list.substr(0, comma)), wanted)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

bool hop_by_hop(std::string_view name) {
  switch (name.size()) {
    case 2:
      return same_token(name, "te");
    case 7:
      return same_token(name, "trailer") || same_token(name, "upgrade");
    case 10:
      return same_token(name, "connection") || same_token(name, "keep-alive");
    case 16:
      return same_token(name, "proxy-connection");
    case 17:
      return same_token(name, "transfer-encoding");
    case 18:
      return same_token(name, "proxy-authenticate");
    case 19:
      return same_token(name, "proxy-authorization");
    default:
      return false;
  }
}

const Field* RequestHead::find(std::string_view name) const {
  return find_field(*this, name);
}
const Field* ResponseHead::find(std::string_view name) const {
  return find_field(*this, name);
}

HeadOutcome parse_request_head(std::string_view bytes, std::size_t& searched,
                               const HeadLimits& limits, RequestHead& out) {
  const std::size_t skipped = leading_lines(bytes);
  if (searched < skipped) searched = skipped;
  const std::size_t end = head_end(bytes.substr(skipped), searched -= skipped);
  searched += skipped;
  if (end == 0) return incomplete_or_too_large(bytes, skipped, limits);
  if (end > limits.head_max)
    return incomplete_or_too_large(bytes.substr(0, skipped + end), skipped, limits);

  const std::string_view head = bytes.substr(skipped, end);
  reset(out);
  const auto line_end = head.find('\n');
  if (line_end == 0 || head[line_end - 1] != '\r') return bad(400, "a line ends without CR LF");
  const HeadOutcome line = parse_request_line(head.substr(0, line_end - 1), limits, out);
  if (line.state == HeadOutcome::State::malformed) return line;
  Facts facts;
  const HeadOutcome fields = parse_fields(head, line_end + 1, limits, out.fields, facts);
  if (fields.state == HeadOutcome::State::malformed) return fields;
  const HeadOutcome finished = finish_request(facts, out);
  if (finished.state == HeadOutcome::State::malformed) return finished;
  return complete(skipped + end);
}

HeadOutcome parse_response_head(std::string_view bytes, std::size_t& searched,
                                std::string_view request_method, const HeadLimits& limits,
                                ResponseHead& out) {
  const std::size_t end = head_end(bytes, searched);
  if (end == 0) {
    return bytes.size() > limits.head_max ? bad(502, "the headers are too large") : fine;
  }
  const std::string_view head = bytes.substr(0, end);
  const auto line_end = head.find('\n');
  if (line_end == 0 || head[line_end - 1] != '\r') return bad(502, "a line ends without CR LF");
  const HeadOutcome line = parse_status_line(head.substr(0, line_end - 1), out);
  if (line.state == HeadOutcome::State::malformed) return line;
  Facts facts;
  const HeadOutcome fields = parse_fields(head, line_end + 1, limits, out.fields, facts);
  if (fields.state == HeadOutcome::State::malformed) return fields;
  const HeadOutcome framed = frame_response(facts, request_method, out);
  if (framed.state == HeadOutcome::State::malformed) return framed;
  return complete(end);
}

}  // namespace hawser::wire
