#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::cli {

/// What a browser says of who asks. A field that came twice is there twice.
struct Asker {
  std::vector<std::string_view> hosts{};
  std::vector<std::string_view> origins{};
  std::string_view fetch_site{};  // Sec-Fetch-Site
};

/// Keeps web pages away from a local endpoint that adds its user's key. A page reaches it by a name
/// of its own that points to this machine (DNS rebinding), which Host tells, or across origins,
/// which Origin and Sec-Fetch-Site tell.
class LocalGuard {
 public:
  /// @param hosts    besides the loopback names and addresses: NAME, ADDRESS, or either with :PORT
  /// @param origins  of pages that may ask, as browsers send them: https://HOST[:PORT]
  LocalGuard(std::vector<std::string> hosts, std::vector<std::string> origins);

  /// Why the request is refused; nothing: it may pass.
  std::optional<std::string> refuse(const Asker& asker) const;
  /// "null" is nobody's, and never listed.
  bool lists(std::string_view origin) const;

 private:
  bool knows(std::string_view host) const;

  std::vector<std::string> hosts_;
  std::vector<std::string> origins_;
};

}  // namespace hawser::cli
