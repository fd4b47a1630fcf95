#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/fields.hpp"
#include "net/config.hpp"

namespace hawser::settings {

/// Visits every TlsServerConfig and TlsClientConfig of a configuration by its fields(), wherever
/// one stands: none is forgotten.
/// @tparam See  called with (path, tls)
template <class See>
class TlsWalk {
 public:
  explicit TlsWalk(See see) : see_(std::move(see)) {}

  void visit(const std::string& path, net::TlsServerConfig& tls) { see_(path, tls); }
  void visit(const std::string& path, net::TlsClientConfig& tls) { see_(path, tls); }
  template <class T>
  void visit(const std::string& path, std::optional<T>& value) {
    if (value) visit(path, *value);
  }
  template <class T>
  void visit(const std::string& path, std::vector<T>& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      visit(path + "[" + std::to_string(i) + "]", list[i]);
    }
  }
  template <class T>
  void visit(const std::string& path, config::Map<T>& map) {
    for (auto& [name, each] : map) visit(path + "." + name, each);
  }
  template <class T>
  void visit(const std::string& path, T& value) {
    if constexpr (requires { value.fields([](auto&&...) {}); }) {
      value.fields([&](std::string_view key, auto& member, const auto&, std::string_view) {
        visit(path.empty() ? std::string(key) : path + "." + std::string(key), member);
      });
    }
  }

 private:
  See see_;
};

}  // namespace hawser::settings
