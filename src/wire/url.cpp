#include "wire/url.hpp"

#include <algorithm>
#include <charconv>

namespace hawser::wire {
namespace {

Error bad_url(const char* why) {
  return {.code = Code::invalid_request, .message = why};
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return bad_url("has a port that is not a number from 1 to 65535");
  }
  return port;
}

Result<> parse_authority(std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) {
    return bad_url("must not hold a user or password");
  }
  const bool bracketed = authority.starts_with('[');
  const auto host_end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_end == std::string_view::npos) return bad_url("lacks a closing bracket");
  url.host = bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  if (url.host.empty()) return bad_url("has no host");
  const bool odd = std::any_of(url.host.begin(), url.host.end(),
                               [](unsigned char c) { return c <= ' ' || c >= 0x7f; });
  if (odd) return bad_url("has a host with characters that no host name has");
  const auto colon = authority.find(':', bracketed ? host_end : 0);
  if (colon == std::string_view::npos) return {};
  const auto port = parse_port(authority.substr(colon + 1));
  if (!port) return port.error();
  url.port = *port;
  return {};
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

bool valid_authority(std::string_view text) {
  Url url;
  return text.find_first_of("/?#") == std::string_view::npos && parse_authority(text, url);
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  if (text.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
    url.tls = false;
    url.port = 80;
  } else {
    return bad_url("must begin with https:// or http://");
  }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return bad_url("must not hold a query or a fragment");
  }
  const auto slash = std::min(text.find('/'), text.size());
  const auto authority = parse_authority(text.substr(0, slash), url);
  if (!authority) return authority.error();
  url.path = text.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', digits[byte >> 4U], digits[byte & 15U]});
    }
  }
}

}  // namespace hawser::wire
