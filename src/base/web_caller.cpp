#include "base/web_caller.hpp"

#include <algorithm>

#include "base/address.hpp"

namespace hawser {
namespace {

bool same(std::string_view a, std::string_view b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [small](char x, char y) { return small(x) == small(y); });
}

/// The host of "HOST", "HOST:PORT" or "[IPv6]:PORT"; a final dot means the same name.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);  // unclosed: nothing
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace

bool trusted_host(std::string_view host, std::span<const std::string> listed) {
  const std::string_view name = without_port(host);
  if (name.empty()) return false;
  if (same(name, "localhost") || IpAddress::parse(name)) return true;
  if (name.size() > 10 && same(name.substr(name.size() - 10), ".localhost")) return true;
  if (listed.empty()) return name.find('.') == std::string_view::npos;
  return std::any_of(listed.begin(), listed.end(),
                     [name](const std::string& each) { return each == "*" || same(each, name); });
}

bool trusted_origin(std::string_view origin, std::span<const std::string> listed) {
  if (origin.empty() || same(origin, "null")) return false;
  return std::any_of(listed.begin(), listed.end(), [origin](const std::string& each) {
    return each == "*" || same(each, origin);
  });
}

bool valid_origin(std::string_view text) {
  if (text == "*") return true;
  const auto colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto fits = [](char c, std::string_view more) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  };
  const auto scheme = text.substr(0, colon), rest = text.substr(colon + 3);
  return !rest.empty() &&
         std::all_of(scheme.begin(), scheme.end(), [&](char c) { return fits(c, "+-."); }) &&
         std::all_of(rest.begin(), rest.end(), [&](char c) { return fits(c, "-._:[]"); });
}

WebVerdict judge(const WebCaller& caller, const WebRules& rules) {
  if (rules.check_host && !caller.host.empty() && !trusted_host(caller.host, rules.hosts)) {
    return WebVerdict::foreign_host;
  }
  if (caller.has_origin) {
    const bool listed = !caller.several_origins && trusted_origin(caller.origin, rules.origins);
    return listed ? WebVerdict::served : WebVerdict::foreign_origin;
  }
  if (caller.site.empty() || same(caller.site, "same-origin") || same(caller.site, "none")) {
    return WebVerdict::served;
  }
  // A link that somebody follows: the page that it stands on gets to read nothing.
  const bool reads = caller.method == "GET" || caller.method == "HEAD";
  const bool follows = reads && same(caller.mode, "navigate");
  return follows ? WebVerdict::served : WebVerdict::foreign_page;
}

}  // namespace hawser
