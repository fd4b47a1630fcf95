#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hawser::net {

/// Which of several certificates a client gets, by the name that it asks for (SNI). Pure.
class CertificateChoice {
 public:
  /// The names of the certificate `index`; "*.example.com" stands for one label. The first that
  /// has a name keeps it.
  void add(std::size_t index, const std::vector<std::string>& names);

  /// The one with that name, else the one whose wildcard covers it, else 0: the default.
  std::size_t choose(std::string_view asked) const;

 private:
  std::unordered_map<std::string, std::size_t> exact_;
  std::unordered_map<std::string, std::size_t> below_;  // ".example.com" of "*.example.com"
};

}  // namespace hawser::net
