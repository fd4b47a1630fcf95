#include "export/prometheus.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "export/page.hpp"

namespace hawser::exporting {
namespace {

using telemetry::Kind;
using telemetry::Labels;
using telemetry::Registry;

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

std::vector<Page::Label> labels_of(const Labels& labels) {
  std::vector<Page::Label> out;
  for (const auto& [name, value] : labels) out.emplace_back(name, value);
  return out;
}

void render_histogram(Page& page, const Registry& registry, const Registry::Series& series,
                      const Registry::Reading& reading) {
  const auto bounds = registry.bounds_of(series.id);
  const auto labels = labels_of(series.labels);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < reading.buckets.size(); ++i) {
    total += reading.buckets[i];
    const std::string bound = i < bounds.size() ? Page::text_of(bounds[i]) : "+Inf";
    auto bucket = labels;
    bucket.emplace_back("le", bound);
    page.line("_bucket", bucket, std::to_string(total));
  }
  page.line("_sum", labels, Page::text_of(reading.sum));
  page.line("_count", labels, std::to_string(total));
}

}  // namespace

std::string render(const Registry& registry) {
  Page page;
  registry.each([&](const std::string& name, const Registry::Family& family) {
    page.family(name, type_of(family.kind), family.help);
    for (const auto& series : family.series) {
      const auto reading = registry.read(family, series);
      if (family.kind == Kind::histogram) {
        render_histogram(page, registry, series, reading);
      } else if (reading.value != 0 || family.series.size() <= 16) {
        page.line({}, labels_of(series.labels), Page::text_of(reading.value));
      }
    }
  });
  return page.take();
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
  Page page;
  page.add("process_cpu_seconds_total", "counter", "User and system CPU time.", cpu_s);
  page.add("process_resident_memory_bytes", "gauge", "Resident memory.", resident);
  page.add("process_open_fds", "gauge", "Open file descriptors.", descriptors);
  return page.take();
}

}  // namespace hawser::exporting
