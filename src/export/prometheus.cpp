#include "export/prometheus.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace hawser::exporting {
namespace {

using telemetry::Kind;
using telemetry::Labels;
using telemetry::Registry;
using Out = std::back_insert_iterator<std::string>;

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out.append("\\n");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

/// {a="b",c="d"} with `extra` behind; nothing when both are empty.
std::string label_set(const Labels& labels, std::string_view extra = {}) {
  std::string out;
  for (const auto& [name, value] : labels) {
    fmt::format_to(Out(out), "{}{}=\"{}\"", out.empty() ? "" : ",", name, escaped(value));
  }
  if (!extra.empty()) fmt::format_to(Out(out), "{}{}", out.empty() ? "" : ",", extra);
  return out.empty() ? out : "{" + out + "}";
}

std::string_view type_of(Kind kind) {
  switch (kind) {
    case Kind::counter:
      return "counter";
    case Kind::gauge:
      return "gauge";
    case Kind::histogram:
      return "histogram";
  }
  return "untyped";
}

void render_histogram(std::string& out, std::string_view name, const Registry& registry,
                      const Registry::Series& series, const Registry::Reading& reading) {
  const auto bounds = registry.bounds_of(series.id);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < reading.buckets.size(); ++i) {
    total += reading.buckets[i];
    const std::string bound = i < bounds.size() ? fmt::format("{}", bounds[i]) : "+Inf";
    fmt::format_to(Out(out), "{}_bucket{} {}\n", name,
                   label_set(series.labels, fmt::format("le=\"{}\"", bound)), total);
  }
  fmt::format_to(Out(out), "{}_sum{} {}\n", name, label_set(series.labels), reading.sum);
  fmt::format_to(Out(out), "{}_count{} {}\n", name, label_set(series.labels), total);
}

}  // namespace

std::string render(const Registry& registry) {
  std::string out;
  registry.each([&](const std::string& name, const Registry::Family& family) {
    fmt::format_to(Out(out), "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name,
                   type_of(family.kind));
    for (const auto& series : family.series) {
      const auto reading = registry.read(family, series);
      if (family.kind == Kind::histogram) {
        render_histogram(out, name, registry, series, reading);
      } else if (reading.value != 0 || family.series.size() <= 16) {
        fmt::format_to(Out(out), "{}{} {}\n", name, label_set(series.labels), reading.value);
      }
    }
  });
  return out;
}

std::string render_process() {
  std::ifstream stat("/proc/self/stat");
  const std::string text((std::istreambuf_iterator<char>(stat)), {});
  // Fields are counted from behind the command's closing bracket (proc(5)).
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 2, text.size())));
  std::vector<std::string> field(std::istream_iterator<std::string>(fields), {});
  if (field.size() < 22) return {};
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double cpu_s = (std::stod(field[11]) + std::stod(field[12])) / ticks;
  const long long resident = std::stoll(field[21]) * ::sysconf(_SC_PAGESIZE);
  std::error_code ignored;
  const auto descriptors =
      std::distance(std::filesystem::directory_iterator("/proc/self/fd", ignored),
                    std::filesystem::directory_iterator());
  return fmt::format(
      "# HELP process_cpu_seconds_total User and system CPU time.\n"
      "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {}\n"
      "# HELP process_resident_memory_bytes Resident memory.\n"
      "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {}\n"
      "# HELP process_open_fds Open file descriptors.\n"
      "# TYPE process_open_fds gauge\nprocess_open_fds {}\n",
      cpu_s, resident, descriptors);
}

}  // namespace hawser::exporting
