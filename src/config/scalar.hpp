#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/strong.hpp"

namespace hawser::config {

/// What the outside world gives to a configuration.
struct Lookups {
  std::function<std::optional<std::string>(const std::string& name)> environment;
  /// Error: invalid_request that names the path
  std::function<Result<std::string>(const std::string& path)> file;
  /// Of PATH#NAME in a sealed file; may be absent.
  std::function<Result<std::string>(const std::string& reference)> sealed{};
  /// Of what is fetched over the network; may be absent. @param path  of the field that wants it
  std::function<Result<std::string>(const std::string& scheme, const std::string& rest,
                                    const std::string& path)>
      remote{};
};

/// A reference to a value elsewhere: ${SCHEME:REST}, and the field that holds it.
struct Used {
  std::string path{};
  std::string scheme{};
  std::string rest{};
};
/// Whether a scheme's values are fetched over the network.
bool remote_scheme(std::string_view scheme);
/// All references in a text.
std::vector<Used> references_in(std::string_view text, const std::string& path);

/// The process's environment and the file system.
Lookups system_lookups();

/// "250ms", "2s", "5m", "1h", "0".
Result<milliseconds> parse_duration(std::string_view text);
/// "64KiB", "512MiB", "1GB", plain numbers are bytes.
Result<Bytes> parse_bytes(std::string_view text);
std::string to_text(milliseconds duration);
std::string to_text(Bytes size);
std::string to_text(double number);  // the shortest that reads back the same

/// Replaces ${env:NAME}, ${file:PATH}, ${sealed:PATH#NAME} and what comes over the network; "$${"
/// stands for "${". @param path  of the field
Result<std::string> expand(std::string_view text, const Lookups& lookups,
                           const std::string& path = {});
/// Whether the text takes any part of itself from elsewhere.
bool has_reference(std::string_view text);

}  // namespace hawser::config
