// Properties: no path that is let through leaves the base URL, for a server that decodes twice,
// takes
// "\" for "/" and drops parameters of segments; no parameter that carries a credential is left in a
// query; how a name is written decides nothing.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/credential_headers.hpp"
#include "provider/headers.hpp"
#include "wire/percent.hpp"

namespace {

using namespace hawser;

/// "%41" to "A"; what is no escape stays.
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

bool leaves(std::string path) {
  int depth = 0;
  path.push_back('/');
  std::string segment;
  for (const char c : path) {
    if (c != '/' && c != '\\') {
      segment.push_back(c);
      continue;
    }
    const auto name = segment.substr(0, segment.find(';'));
    if (name == ".." && --depth < 0) return true;
    if (!name.empty() && name != "." && name != "..") ++depth;
    segment.clear();
  }
  return false;
}

void check_path(std::string_view tail) {
  if (!provider::stays_below_base(tail)) return;
  const std::string once = decoded(tail);
  for (const auto& reading : {std::string(tail), once, decoded(once)}) {
    if (leaves(reading)) std::abort();
  }
}

void check_query(std::string_view query) {
  std::string out;
  provider::append_query(query, out);
  for (std::string_view rest = out; !rest.empty();) {
    const auto part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (is_credential_parameter(decoded(part.substr(0, part.find('='))))) std::abort();
  }
}

void check_name(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (provider::passing(upper) != provider::passing(name)) std::abort();
  if (is_credential_header(name) && provider::passing(name) != provider::Passing::never) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto first = bytes.substr(0, bytes.find('\n'));
  auto rest = bytes.substr(std::min(first.size() + 1, bytes.size()));
  const auto second = rest.substr(0, rest.find('\n'));
  check_path(first);
  check_query(second);
  check_name(rest.substr(std::min(second.size() + 1, rest.size())));
  return 0;
}
