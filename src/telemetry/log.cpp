#include "telemetry/log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "base/redact.hpp"
#include "telemetry/json_text.hpp"

namespace hawser::log {
namespace {

using telemetry::LogLevel;

constexpr std::size_t redacted_max = 2048;
constexpr std::size_t lines_max = 8192;

std::atomic<LogLevel> least{LogLevel::info};

spdlog::logger& logger() {
  static const auto instance = [] {
    // A thread of its own writes: a pipe that nobody empties must not stop a worker. Beyond its
    // bound the oldest lines are lost.
    spdlog::init_thread_pool(lines_max, 1);
    auto made = spdlog::create_async_nb<spdlog::sinks::stderr_sink_mt>("hawser");
    made->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                      spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

struct Render {
  std::string& out;
  void operator()(std::int64_t number) const { telemetry::append_number(out, number); }
  void operator()(std::chrono::milliseconds time) const {
    telemetry::append_number(out, time.count());
  }
  void operator()(Code code) const { telemetry::append_json(out, name_of(code)); }
  void operator()(Safe text) const { telemetry::append_json(out, text.text); }
  void operator()(Redacted text) const {
    telemetry::append_json(out, redact(text.text.substr(0, redacted_max)));
  }
};

void write(LogLevel level, spdlog::level::level_enum severity, std::string_view event,
           std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  const std::string line = render(event, fields);
  logger().log(severity, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void set_level(LogLevel level) {
  least.store(level, std::memory_order_relaxed);
}
bool enabled(LogLevel level) {
  return level >= least.load(std::memory_order_relaxed);
}

std::string render(std::string_view event, std::initializer_list<Field> fields) {
  std::string line = "\"event\":";
  telemetry::append_json(line, event);
  for (const Field& field : fields) {
    line.push_back(',');
    telemetry::append_json(line, field.name);
    line.push_back(':');
    std::visit(Render{line}, field.value.data);
  }
  return line;
}

void debug(std::string_view event, std::initializer_list<Field> fields) {
  write(LogLevel::debug, spdlog::level::debug, event, fields);
}
void info(std::string_view event, std::initializer_list<Field> fields) {
  write(LogLevel::info, spdlog::level::info, event, fields);
}
void warn(std::string_view event, std::initializer_list<Field> fields) {
  write(LogLevel::warn, spdlog::level::warn, event, fields);
}
void error(std::string_view event, std::initializer_list<Field> fields) {
  write(LogLevel::error, spdlog::level::err, event, fields);
}

}  // namespace hawser::log
