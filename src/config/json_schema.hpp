#pragma once

#include <string>
#include <type_traits>

#include "config/fields.hpp"
#include "config/scalar.hpp"

namespace hawser::config {

/// `text` as a JSON string, quotes included. Only what stands in our own sources goes in.
std::string json_string(std::string_view text);

/// The JSON Schema (draft 2020-12) of a configuration struct, from its fields(). Editors complete
/// and check with it; rules over several fields are the loader's alone.
template <class T>
std::string json_schema(T& object, std::string indent = {});

namespace schema_detail {

template <class T>
struct Element {
  using Type = void;
};
template <class T>
struct Element<std::optional<T>> {
  using Type = T;
  static constexpr auto kind = 'o';
};
template <class T>
struct Element<std::vector<T>> {
  using Type = T;
  static constexpr auto kind = 'v';
};
template <class T>
struct Element<Map<T>> {
  using Type = T;
  static constexpr auto kind = 'm';
};

template <class T>
std::string scalar_members() {
  if constexpr (std::is_same_v<T, bool>) {
    return R"("type": "boolean")";
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Secret>) {
    return R"("type": "string")";
  } else if constexpr (std::is_same_v<T, milliseconds>) {
    return R"("type": ["string", "integer"], "pattern": "^(0|[0-9]+(ms|s|m|h))$")";
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return R"("type": ["string", "integer"], "pattern": "^[0-9]+([KMG]i?B|B)?$")";
  } else if constexpr (std::is_enum_v<T>) {
    std::string words;
    for (const auto& word : names_of(T{})) {
      words += (words.empty() ? "" : ", ") + json_string(word.name);
    }
    return R"("enum": [)" + words + "]";
  } else if constexpr (std::is_integral_v<T>) {
    return R"("type": "integer")";
  } else {
    return R"("type": "number")";
  }
}

template <class T>
std::string default_member(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? R"(, "default": true)" : R"(, "default": false)";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.empty() ? "" : R"(, "default": )" + json_string(value);
  } else if constexpr (std::is_same_v<T, milliseconds> || std::is_same_v<T, Bytes>) {
    return R"(, "default": )" + json_string(to_text(value));
  } else if constexpr (std::is_integral_v<T>) {
    return R"(, "default": )" + std::to_string(value);
  } else {
    return {};
  }
}

template <class C>
std::string range_members(const C&) {
  return {};
}
template <class T>
requires std::is_integral_v<T> std::string range_members(const Range<T>& range) {
  return R"(, "minimum": )" + std::to_string(range.min) + R"(, "maximum": )" +
         std::to_string(range.max);
}

template <class V, class C>
std::string members(V& value, const C& constraint, const std::string& indent) {
  using Inner = typename Element<V>::Type;
  if constexpr (!std::is_void_v<Inner>) {
    Inner inner{};
    // What may be absent has no default of its own.
    if constexpr (Element<V>::kind == 'o' && !requires { inner.fields([](auto&&...) {}); }) {
      return scalar_members<Inner>() + range_members(constraint);
    }
    const std::string of_inner = members(inner, Anything{}, indent + "  ");
    if constexpr (Element<V>::kind == 'o') return of_inner;
    if constexpr (Element<V>::kind == 'v') {
      const bool some = std::is_same_v<C, Required>;
      return std::string(R"("type": "array", )") + (some ? R"("minItems": 1, )" : "") +
             R"("items": {)" + of_inner + "}";
    }
    return R"("type": "object", "additionalProperties": {)" + of_inner + "}";
  } else if constexpr (requires { value.fields([](auto&&...) {}); }) {
    return json_schema(value, indent);
  } else {
    return scalar_members<V>() + default_member(value) + range_members(constraint);
  }
}

}  // namespace schema_detail

template <class T>
std::string json_schema(T& object, std::string indent) {
  std::string properties, required;
  object.fields(
      [&](std::string_view key, auto& value, const auto& constraint, std::string_view text) {
        properties += (properties.empty() ? "\n" : ",\n") + indent + "  " + json_string(key) +
                      ": {\"description\": " + json_string(text) + ", " +
                      schema_detail::members(value, constraint, indent + "  ") + "}";
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(constraint)>, Required>) {
          if constexpr (requires { value.empty(); }) {
            if (!value.empty()) return;  // it has a default
          }
          required += (required.empty() ? "" : ", ") + json_string(key);
        }
      });
  return R"("type": "object", "additionalProperties": false, )" +
         (required.empty() ? "" : R"("required": [)" + required + "], ") + R"("properties": {)" +
         properties + "\n" + indent + "}";
}

}  // namespace hawser::config
