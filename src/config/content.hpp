#pragma once

#include <string>
#include <type_traits>

#include "config/fields.hpp"
#include "config/scalar.hpp"

namespace hawser::config {

/// All that a configuration struct says, as a text that two of them share only where they say the
/// same; without its credentials.
class Content {
 public:
  template <class T>
  void add(const T& value) {
    if constexpr (requires(T & any) { any.fields([](auto&&...) {}); }) {
      text_ += '{';
      // fields() is one for those who write and those who read.
      const_cast<T&>(value).fields(
          [this](std::string_view name, const auto& member, const auto&, std::string_view) {
            part(name);
            add(member);
          });
      text_ += '}';
    } else if constexpr (std::is_same_v<T, Secret>) {
      part("secret");
    } else if constexpr (std::is_same_v<T, std::string>) {
      part(value);
    } else if constexpr (std::is_enum_v<T> || std::is_same_v<T, bool>) {
      part(std::to_string(static_cast<long long>(value)));
    } else if constexpr (std::is_integral_v<T>) {
      part(std::to_string(value));
    } else if constexpr (requires { to_text(value); }) {
      part(to_text(value));
    } else if constexpr (requires { value.has_value(); }) {
      part(value ? "some" : "none");
      if (value) add(*value);
    } else {
      text_ += '[';
      for (const auto& entry : value) add_entry(entry);
      text_ += ']';
    }
  }
  const std::string& text() const { return text_; }

 private:
  template <class T>
  void add_entry(const T& entry) {
    add(entry);
  }
  template <class T>
  void add_entry(const std::pair<std::string, T>& entry) {
    part(entry.first);
    add(entry.second);
  }
  void part(std::string_view text) {
    text_.append(std::to_string(text.size())).append(":").append(text);
  }

  std::string text_;
};

}  // namespace hawser::config
