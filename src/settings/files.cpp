#include <optional>
#include <type_traits>

#include "settings/config.hpp"

namespace hawser::settings {
namespace {

template <class T>
concept HasFields = requires(T value) {
  value.fields([](auto&&...) {});
};

/// Walks a configuration by its fields(), so that no struct that holds TLS settings is forgotten.
class Gather {
 public:
  explicit Gather(std::vector<std::string>& out) : out_(out) {}

  void visit(net::TlsServerConfig& tls) {
    for (const auto& each : tls.all()) {
      add(each.certificate);
      add(each.key);
    }
    add(tls.client_ca);
  }
  void visit(net::TlsClientConfig& tls) {
    add(tls.ca_file);
    add(tls.certificate);
    add(tls.key);
  }
  template <class T>
  void visit(std::optional<T>& value) {
    if (value) visit(*value);
  }
  template <class T>
  void visit(std::vector<T>& list) {
    for (T& each : list) visit(each);
  }
  template <class T>
  void visit(config::Map<T>& map) {
    for (auto& [name, each] : map) visit(each);
  }
  template <class T>
  void visit(T& value) {
    if constexpr (HasFields<T>) {
      value.fields(
          [this](std::string_view, auto& member, const auto&, std::string_view) { visit(member); });
    }
  }

 private:
  void add(const std::string& path) {
    if (!path.empty()) out_.push_back(path);
  }
  std::vector<std::string>& out_;
};

}  // namespace

std::vector<std::string> files_of(const Config& config) {
  std::vector<std::string> out;
  Gather(out).visit(const_cast<Config&>(config));  // fields() has one form; nothing is changed
  return out;
}

}  // namespace hawser::settings
