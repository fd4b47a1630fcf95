#pragma once

#include <concepts>
#include <string>
#include <type_traits>

#include "config/fields.hpp"
#include "config/scalar.hpp"

namespace hawser::config {

/// Writes the reference of a configuration struct, one table row a key, from its fields().
class Reference {
 public:
  template <class T>
  void describe(T& object, const std::string& path = {}) {
    object.fields([&](std::string_view key, auto& value, const auto& constraint,
                      std::string_view text) {
      row(path.empty() ? std::string(key) : path + "." + std::string(key), value, constraint, text);
    });
  }
  const std::string& rows() const { return rows_; }

 private:
  template <class T>
  struct Unwrapped {
    using Type = T;
    static constexpr const char* suffix = "";
    static constexpr const char* name = "";
  };
  template <class T>
  struct Unwrapped<std::optional<T>> {
    using Type = T;
    static constexpr const char* suffix = "";
    static constexpr const char* name = "";
  };
  template <class T>
  struct Unwrapped<std::vector<T>> {
    using Type = T;
    static constexpr const char* suffix = "[]";
    static constexpr const char* name = "list of ";
  };
  template <class T>
  struct Unwrapped<Map<T>> {
    using Type = T;
    static constexpr const char* suffix = ".NAME";
    static constexpr const char* name = "by name: ";
  };

  template <class V, class C>
  void row(const std::string& path, V& value, const C& constraint, std::string_view text) {
    using Inner = typename Unwrapped<V>::Type;
    const std::string type = std::string(Unwrapped<V>::name) + type_of<Inner>();
    const std::string preset = std::is_same_v<C, Required> ? "" : default_of(value);
    rows_ += "| `" + path + "` | " + type + " | " + preset + " | " + range_of(constraint) + " | " +
             std::string(text) + " |\n";
    if constexpr (requires(Inner inner) { inner.fields([](auto&&...) {}); }) {
      Inner inner{};
      describe(inner, path + Unwrapped<V>::suffix);
    }
  }

  template <class T>
  static std::string type_of() {
    if constexpr (std::is_same_v<T, bool>)
      return "true or false";
    else if constexpr (std::is_same_v<T, std::string>)
      return "text";
    else if constexpr (std::is_same_v<T, Secret>)
      return "credential";
    else if constexpr (std::is_same_v<T, milliseconds>)
      return "duration";
    else if constexpr (std::is_same_v<T, Bytes>)
      return "size";
    else if constexpr (std::is_enum_v<T>)
      return words_of<T>();
    else if constexpr (std::is_arithmetic_v<T>)
      return "number";
    else
      return "mapping";
  }
  template <class E>
  static std::string words_of() {
    std::string out;
    for (const auto& word : names_of(E{}))
      out += (out.empty() ? "" : ", ") + std::string(word.name);
    return out;
  }
  template <class T>
  static std::string default_of(const T& value) {
    if constexpr (std::is_same_v<T, bool>)
      return value ? "true" : "false";
    else if constexpr (std::is_same_v<T, std::string>)
      return value.empty() ? "" : "`" + value + "`";
    else if constexpr (std::is_same_v<T, milliseconds> || std::is_same_v<T, Bytes>)
      return to_text(value);
    else if constexpr (std::is_enum_v<T>) {
      for (const auto& word : names_of(T{})) {
        if (word.value == value) return std::string(word.name);
      }
      return {};
    } else if constexpr (std::is_integral_v<T>)
      return std::to_string(value);
    else
      return {};
  }
  static std::string range_of(const Anything&) { return {}; }
  static std::string range_of(const Required&) { return "required"; }
  template <class T>
  static std::string range_of(const Range<T>& range) {
    if constexpr (std::is_integral_v<T>) {
      return std::to_string(range.min) + " to " + std::to_string(range.max);
    } else {
      return to_text(range.min) + " to " + to_text(range.max);
    }
  }

  std::string rows_;
};

}  // namespace hawser::config
