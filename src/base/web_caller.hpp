#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hawser {

/// What the browser says of the page that makes a request. No page can write these fields itself;
/// programs other than browsers leave them out, or may write what they like.
struct WebCaller {
  std::string_view method{};
  std::string_view host{};    // of the Host field; empty: none
  bool has_origin = false;    // an Origin field is there
  std::string_view origin{};  // its value
  std::string_view site{};    // Sec-Fetch-Site
  std::string_view mode{};    // Sec-Fetch-Mode
  bool several_origins = false;
};

/// Whom a listener serves that gives what it has to whoever reaches it (no key is asked for, or a
/// browser sends the client certificate by itself): a page that somebody near it looks at must not
/// be among them unless it is listed.
struct WebRules {
  std::span<const std::string> hosts{};    // names that this listener is reached by
  std::span<const std::string> origins{};  // pages that may call it: "https://app.example"
  bool check_host = true;                  // false: TLS has verified the name
};

enum class WebVerdict : std::uint8_t {
  served,
  foreign_host,    // another name leads here: DNS rebinding
  foreign_origin,  // the page is not listed
  foreign_page,    // no Origin, but the browser says that another site makes the request
};

/// Whether a Host value is a name of this listener: a loopback name, an IP address (a page that was
/// had from an address is that address's own), a listed name; where none is listed also a name
/// without a dot, which nobody can have in the public DNS. "*" lists every name.
bool trusted_host(std::string_view host, std::span<const std::string> listed);

/// Whether an Origin value is listed. "null" never is: every sandboxed page has it.
bool trusted_origin(std::string_view origin, std::span<const std::string> listed);

/// Whether the text is an origin that may be listed: scheme://host or scheme://host:port, in small
/// letters, or "*".
bool valid_origin(std::string_view text);

WebVerdict judge(const WebCaller& caller, const WebRules& rules);

}  // namespace hawser
