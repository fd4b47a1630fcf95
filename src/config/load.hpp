#pragma once

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <span>
#include <string>
#include <vector>

#include "config/fields.hpp"
#include "config/nearest.hpp"
#include "config/scalar.hpp"

namespace hawser::config {

/// What was found wrong, and where: lines and columns from 1; 0: nowhere in particular.
struct Finding {
  int line = 0;
  int column = 0;
  std::string text{};
};

template <class T>
concept HasFields = requires(T value) {
  value.fields([](auto&&...) {});
};
template <class T>
concept HasCheck = requires(const T value) {
  value.check();
};
template <class T>
concept HasWarnings = requires(const T value) {
  value.warnings();
};
template <class T>
concept NamedEnum = std::is_enum_v<T>;

/// Fills structs from YAML and gathers every problem, not only the first. An unknown or doubled key
/// is a problem: a typo must not become a silent default.
class Loader {
 public:
  explicit Loader(const Lookups& lookups) : lookups_(lookups) {}

  /// Parses `text` into `target`; problems() and warnings() tell what is wrong with it.
  template <HasFields T>
  void load(const std::string& text, T& target) {
    YAML::Node root;
    if (!parse(text, root)) return;
    read(root, "", target);
  }
  const std::vector<Finding>& problems() const { return problems_; }
  const std::vector<Finding>& warnings() const { return warnings_; }
  /// Every reference to a value elsewhere that was met.
  const std::vector<Used>& used() const { return used_; }

 private:
  bool parse(const std::string& text, YAML::Node& root);
  void problem(const YAML::Node& node, const std::string& path, const std::string& reason);
  void warning(const YAML::Node& node, const std::string& path, const std::string& reason);
  /// Where the entry `path`, relative to `node`, stands; the nearest node above it when absent.
  static YAML::Node find(const YAML::Node& node, std::string_view path);
  bool scalar(const YAML::Node& node, const std::string& path, const char* expected,
              std::string& out);
  void unknown(const YAML::Node& key, const std::string& path,
               std::span<const std::string_view> known);
  bool mapping(const YAML::Node& node, const std::string& path);
  void doubled_keys(const YAML::Node& node, const std::string& path);
  static std::string join(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }

  template <HasFields T>
  void read(const YAML::Node& node, const std::string& path, T& target) {
    if (!mapping(node, path)) return;
    std::vector<std::string_view> known;
    const auto before = problems_.size();
    target.fields([&](std::string_view key, auto& value, const auto& constraint, std::string_view) {
      known.push_back(key);
      const YAML::Node child = node[std::string(key)];
      const bool given = child.IsDefined() && !child.IsNull();
      if (given) read(child, join(path, key), value);
      constrain(given ? child : node, join(path, key), given, value, constraint);
    });
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) continue;
      if (std::find(known.begin(), known.end(), entry.first.Scalar()) == known.end()) {
        unknown(entry.first, path, known);
      }
    }
    if constexpr (HasCheck<T>) {
      if (problems_.size() != before) return;  // rules over several fields need all of them whole
      for (const Problem& found : target.check()) {
        problem(find(node, found.path), join(path, found.path), found.reason);
      }
    }
    if constexpr (HasWarnings<T>) {
      if (problems_.size() != before) return;
      for (const Problem& found : target.warnings()) {
        warning(find(node, found.path), join(path, found.path), found.reason);
      }
    }
  }

  template <class T>
  void read(const YAML::Node& node, const std::string& path, std::optional<T>& target) {
    target.emplace();
    read(node, path, *target);
  }

  template <class T>
  void read(const YAML::Node& node, const std::string& path, std::vector<T>& target) {
    target.clear();
    if (!node.IsSequence()) return problem(node, path, "must be a list");
    for (std::size_t i = 0; i < node.size(); ++i) {
      target.emplace_back();
      read(node[i], path + "[" + std::to_string(i) + "]", target.back());
    }
  }

  template <class T>
  void read(const YAML::Node& node, const std::string& path, Map<T>& target) {
    target.clear();
    if (!mapping(node, path)) return;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        problem(entry.first, path, "a name must be a plain word");
        continue;
      }
      target.emplace_back();
      target.back().first = entry.first.Scalar();
      read(entry.second, join(path, entry.first.Scalar()), target.back().second);
    }
  }

  template <NamedEnum E>
  void read(const YAML::Node& node, const std::string& path, E& target) {
    std::string text;
    if (!scalar(node, path, "a word", text)) return;
    std::vector<std::string_view> words;
    for (const auto& [value, name] : names_of(E{})) {
      words.push_back(name);
      if (name == text) {
        target = value;
        return;
      }
    }
    problem(node, path, one_of(text, words));
  }

  template <std::unsigned_integral I>
  requires(!std::same_as<I, bool>) void read(const YAML::Node& node, const std::string& path,
                                             I& target) {
    std::string text;
    if (!scalar(node, path, "a whole number", text)) return;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
    if (error != std::errc{} || end != text.data() + text.size()) {
      problem(node, path, "must be a whole number from 0, not '" + shown(text) + "'");
    }
  }
  template <std::floating_point F>
  void read(const YAML::Node& node, const std::string& path, F& target) {
    std::string text;
    if (!scalar(node, path, "a number", text)) return;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
    if (error != std::errc{} || end != text.data() + text.size()) {
      problem(node, path, "must be a number, not '" + shown(text) + "'");
    }
  }
  void read(const YAML::Node& node, const std::string& path, bool& target);
  void read(const YAML::Node& node, const std::string& path, std::string& target);
  void read(const YAML::Node& node, const std::string& path, Secret& target);
  void read(const YAML::Node& node, const std::string& path, milliseconds& target);
  void read(const YAML::Node& node, const std::string& path, Bytes& target);

  template <class T>
  void constrain(const YAML::Node&, const std::string&, bool, const T&, Anything) {}
  template <class T>
  void constrain(const YAML::Node& node, const std::string& path, bool given, const T& value,
                 Required) {
    if constexpr (requires { value.empty(); }) {
      if (!given && value.empty()) problem(node, path, "is missing");
      if (given && value.empty() && (node.IsSequence() || node.IsMap() || node.IsScalar())) {
        problem(node, path, "must not be empty");
      }
    } else if (!given) {
      problem(node, path, "is missing");
    }
  }
  template <class T>
  void constrain(const YAML::Node& node, const std::string& path, bool given, const T& value,
                 const Range<T>& range) {
    if (!given || (value >= range.min && value <= range.max)) return;
    problem(node, path,
            "must be from " + text_of(range.min) + " to " + text_of(range.max) + ", not " +
                text_of(value));
  }

  /// What may be absent is inherited then.
  template <class T>
  void constrain(const YAML::Node& node, const std::string& path, bool given,
                 const std::optional<T>& value, const Range<T>& range) {
    if (value) constrain(node, path, given, *value, range);
  }

  template <std::unsigned_integral I>
  static std::string text_of(I number) {
    return std::to_string(number);
  }
  static std::string text_of(double number) { return to_text(number); }
  static std::string text_of(milliseconds duration) { return to_text(duration); }
  static std::string text_of(Bytes size) { return to_text(size); }
  static std::string shown(const std::string& text);
  static std::string one_of(const std::string& text, std::span<const std::string_view> words);

  const Lookups& lookups_;
  std::vector<Finding> problems_;
  std::vector<Finding> warnings_;
  std::vector<Used> used_;
};

}  // namespace hawser::config
