#include "net/certificate_choice.hpp"

namespace hawser::net {
namespace {

/// As names compare: in small letters, without the root's dot.
std::string folded(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

void CertificateChoice::add(std::size_t index, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string key = folded(name);
    if (key.starts_with("*.")) {
      below_.emplace(key.substr(1), index);
    } else {
      exact_.emplace(key, index);
    }
  }
}

std::size_t CertificateChoice::choose(std::string_view asked) const {
  const std::string name = folded(asked);
  if (const auto found = exact_.find(name); found != exact_.end()) return found->second;
  const auto dot = name.find('.');
  if (dot == std::string::npos || dot == 0) return 0;
  const auto found = below_.find(name.substr(dot));
  return found == below_.end() ? 0 : found->second;
}

}  // namespace hawser::net
