#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.hpp"
#include "base/strong.hpp"

/// What a configuration struct says of itself. Each struct has
///
///   template <class Visitor> void fields(Visitor&& field) {
///     field("key", member, constraint, "What it does, for the generated reference.");
///   }
///   std::vector<config::Problem> check() const;   // rules over several fields; optional
///   std::vector<config::Problem> warnings() const;  // what is allowed but unwise; optional
///
/// and that is the only place where key, default, range and documentation stand. The loader, the
/// strict check for unknown keys, the JSON Schema and docs/configuration.md come from it.
///
/// Members may be: bool, std::uint16_t/32/64, double, std::string, Secret (with ${env:NAME} and
/// ${file:PATH}), std::chrono::milliseconds ("250ms", "2s", "5m", "1h"), Bytes ("64KiB", "512MiB",
/// plain numbers are bytes), an enum with `names_of(E)` found by ADL (see EnumName), another such
/// struct, std::optional<T> (absent: inherited), std::vector<T> and Map<T> (file order) of those.
namespace hawser::config {

/// A rule that is broken. `path` is relative to the struct that reports it: "targets[0].provider".
struct Problem {
  std::string path;
  std::string reason;
};

struct Anything {};  // no constraint
struct Required {};  // must stand in the file, and a string or list must not be empty
template <class T>
struct Range {  // inclusive; also for durations and Bytes
  T min;
  T max;
};

/// One word of an enum: names_of(E{}) returns a std::span or array of these.
template <class E>
struct EnumName {
  E value;
  std::string_view name;
};

/// A mapping whose keys the user chooses, in the order of the file.
template <class T>
using Map = std::vector<std::pair<std::string, T>>;

template <class T>
const T* find(const Map<T>& map, std::string_view key) {
  for (const auto& [name, value] : map) {
    if (name == key) return &value;
  }
  return nullptr;
}

}  // namespace hawser::config
