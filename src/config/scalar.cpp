#include "config/scalar.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace hawser::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array duration_units{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000},
                                    Unit{"h", 3'600'000}};
constexpr std::array size_units{Unit{"KiB", 1024},
                                Unit{"MiB", 1024 * 1024},
                                Unit{"GiB", 1024ull * 1024 * 1024},
                                Unit{"KB", 1000},
                                Unit{"MB", 1000 * 1000},
                                Unit{"GB", 1000ull * 1000 * 1000},
                                Unit{"B", 1},
                                Unit{"", 1}};

Error wrong(std::string message) {
  return {.code = Code::invalid_request, .message = std::move(message)};
}

template <std::size_t N>
std::optional<std::uint64_t> with_unit(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const Unit& known : units) {
    if (unit == known.name && number <= UINT64_MAX / known.factor) return number * known.factor;
  }
  return std::nullopt;
}

Result<std::string> look_up(std::string_view reference, const Lookups& lookups,
                            const std::string& path) {
  const auto colon = reference.find(':');
  const std::string scheme(reference.substr(0, colon));
  const std::string name(colon == std::string_view::npos ? "" : reference.substr(colon + 1));
  if (scheme == "env") {
    const auto found = lookups.environment(name);
    if (!found || found->empty()) return wrong("the environment variable " + name + " is not set");
    return *found;
  }
  if (scheme == "file") {
    auto found = lookups.file(name);
    if (!found) return found;
    while (found->ends_with('\n') || found->ends_with('\r')) found->pop_back();
    if (found->empty()) return wrong("the file " + name + " is empty");
    return found;
  }
  if (scheme == "sealed" && lookups.sealed) return lookups.sealed(name);
  if (remote_scheme(scheme) && lookups.remote) return lookups.remote(scheme, name, path);
  return wrong("unknown source '" + scheme +
               "': use ${env:NAME}, ${file:PATH}, ${sealed:PATH#NAME}, ${vault:PATH#FIELD}, "
               "${transit:...}, ${kms:...} or ${aws:...}");
}

}  // namespace

Lookups system_lookups() {
  return {[](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
          },
          [](const std::string& path) -> Result<std::string> {
            std::ifstream in(path, std::ios::binary);
            if (!in) return wrong("the file " + path + " cannot be read");
            return std::string((std::istreambuf_iterator<char>(in)), {});
          }};
}

Result<milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return 0ms;
  const auto ms = with_unit(text, duration_units);
  if (!ms || *ms > 1'000'000'000'000) {
    return wrong("is not a duration: write a number with its unit, as 250ms, 2s, 5m or 1h");
  }
  return milliseconds(static_cast<milliseconds::rep>(*ms));
}

Result<Bytes> parse_bytes(std::string_view text) {
  const auto bytes = with_unit(text, size_units);
  if (!bytes) return wrong("is not a size: write a number of bytes, or one with KiB, MiB or GiB");
  return Bytes{*bytes};
}

std::string to_text(milliseconds duration) {
  const auto ms = duration.count();
  if (ms == 0) return "0";
  if (ms % 3'600'000 == 0) return std::to_string(ms / 3'600'000) + "h";
  if (ms % 60'000 == 0) return std::to_string(ms / 60'000) + "m";
  if (ms % 1'000 == 0) return std::to_string(ms / 1'000) + "s";
  return std::to_string(ms) + "ms";
}

std::string to_text(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

std::string to_text(Bytes size) {
  const auto bytes = size.count();
  if (bytes != 0 && bytes % (1024ull * 1024 * 1024) == 0) {
    return std::to_string(bytes / (1024ull * 1024 * 1024)) + "GiB";
  }
  if (bytes != 0 && bytes % (1024 * 1024) == 0)
    return std::to_string(bytes / (1024 * 1024)) + "MiB";
  if (bytes != 0 && bytes % 1024 == 0) return std::to_string(bytes / 1024) + "KiB";
  return std::to_string(bytes);
}

bool has_reference(std::string_view text) {
  for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 1)) {
    if (at == 0 || text[at - 1] != '$') return true;
  }
  return false;
}

bool remote_scheme(std::string_view scheme) {
  return scheme == "vault" || scheme == "transit" || scheme == "kms" || scheme == "aws";
}

std::vector<Used> references_in(std::string_view text, const std::string& path) {
  std::vector<Used> found;
  for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 1)) {
    const auto end = text.find('}', at);
    if (end == std::string_view::npos) break;
    if (at > 0 && text[at - 1] == '$') continue;
    const auto reference = text.substr(at + 2, end - at - 2);
    const auto colon = reference.find(':');
    if (colon == std::string_view::npos) continue;
    found.push_back(
        {path, std::string(reference.substr(0, colon)), std::string(reference.substr(colon + 1))});
  }
  return found;
}

Result<std::string> expand(std::string_view text, const Lookups& lookups, const std::string& path) {
  std::string out;
  if (text.find("${") != std::string_view::npos) out.reserve(text.size() + 4096);
  while (!text.empty()) {
    const auto at = text.find("${");
    if (at == std::string_view::npos) break;
    if (at > 0 && text[at - 1] == '$') {
      out.append(text.substr(0, at - 1)).append("${");
      text.remove_prefix(at + 2);
      continue;
    }
    const auto end = text.find('}', at);
    if (end == std::string_view::npos) return wrong("a ${ has no closing }");
    auto found = look_up(text.substr(at + 2, end - at - 2), lookups, path);
    if (!found) return found.error();
    out.append(text.substr(0, at)).append(*found);
    OPENSSL_cleanse(found->data(), found->size());
    text.remove_prefix(end + 1);
  }
  return out.append(text);
}

}  // namespace hawser::config
