#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "telemetry/config.hpp"

/// The log of the process: JSON lines on stderr. Redaction is a type error at compile time: a field
/// cannot be made from a plain string.
namespace hawser::log {

/// Marks text as fit for a log: a name from the configuration, an id that we made. Payload, headers
/// and keys never are. Every use is found with `git grep 'log::safe('`.
struct Safe {
  std::string_view text;
};
inline Safe safe(std::string_view text) {
  return {text};
}

/// Text that others wrote and that must be seen, such as a provider's error body: written with
/// every credential taken out, its first 2 KiB.
struct Redacted {
  std::string_view text;
};
inline Redacted redacted(std::string_view text) {
  return {text};
}

/// What a log field may hold. Plain strings and Secret are missing on purpose.
struct Value {
  template <std::integral I>
  Value(I number) : data(static_cast<std::int64_t>(number)) {}
  Value(std::chrono::milliseconds time) : data(time) {}
  Value(Code code) : data(code) {}
  Value(Safe text) : data(text) {}
  Value(Redacted text) : data(text) {}

  std::variant<std::int64_t, std::chrono::milliseconds, Code, Safe, Redacted> data;
};

struct Field {
  std::string_view name;
  Value value;
};

/// The least severity that is written; may be changed at any time.
void set_level(telemetry::LogLevel level);
bool enabled(telemetry::LogLevel level);

/// Writes one JSON line. `event` is a fixed phrase, so that logs can be counted by it.
void debug(std::string_view event, std::initializer_list<Field> fields);
void info(std::string_view event, std::initializer_list<Field> fields);
void warn(std::string_view event, std::initializer_list<Field> fields);
void error(std::string_view event, std::initializer_list<Field> fields);

/// One field as it stands in a line: "name":value. For tests.
std::string render(std::string_view event, std::initializer_list<Field> fields);

}  // namespace hawser::log
