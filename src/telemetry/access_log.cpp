#include "telemetry/access_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <utility>

#include "telemetry/json_text.hpp"

namespace hawser::telemetry {
namespace {

constexpr auto flush_every = std::chrono::milliseconds(100);
constexpr std::size_t text_max = 256;  // bytes of what a client may choose

/// @param name  with its comma, quotes and colon
void text_member(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(name);
  if (value.size() > text_max) {
    std::size_t cut = text_max;
    while (cut > 0 && (static_cast<unsigned char>(value[cut]) & 0xc0u) == 0x80) --cut;
    value = value.substr(0, cut);
  }
  append_json(out, value);
}
void number_member(std::string& out, std::string_view name, std::int64_t value) {
  char text[48];
  std::memcpy(text, name.data(), name.size());
  const auto end = std::to_chars(text + name.size(), text + sizeof text, value).ptr;
  out.append(text, end);
}

/// "2026-11-23T05:10:00.123456Z": civil from days, after Howard Hinnant's public algorithm.
void append_time(std::string& out, std::int64_t time_us) {
  const std::int64_t seconds = time_us / 1'000'000;
  const std::int64_t days = seconds / 86'400;
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  const auto digits = [&out](std::int64_t value, int width) {
    char text[8];
    for (int i = width - 1; i >= 0; --i, value /= 10) {
      text[i] = static_cast<char>('0' + value % 10);
    }
    out.append(text, static_cast<std::size_t>(width));
  };
  digits(static_cast<int>(date.year()), 4);
  out.push_back('-');
  digits(static_cast<unsigned>(date.month()), 2);
  out.push_back('-');
  digits(static_cast<unsigned>(date.day()), 2);
  out.push_back('T');
  digits(seconds / 3600 % 24, 2);
  out.push_back(':');
  digits(seconds / 60 % 60, 2);
  out.push_back(':');
  digits(seconds % 60, 2);
  out.push_back('.');
  digits(time_us % 1'000'000, 6);
  out.push_back('Z');
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;  // a full disk must not stop the gateway; the lines are lost
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace

void append_line(const AccessRecord& record, std::string& out) {
  out.append("{\"time\":\"");
  append_time(out, record.time_us);
  out.push_back('"');
  text_member(out, R"(,"request_id":)", record.request_id);
  text_member(out, R"(,"client":)", record.client);
  text_member(out, R"(,"method":)", record.method);
  text_member(out, R"(,"path":)", record.path);
  number_member(out, R"(,"status":)", record.status);
  text_member(out, R"(,"error":)", record.error);
  text_member(out, R"(,"model":)", record.model);
  text_member(out, R"(,"target":)", record.target);
  text_member(out, R"(,"tenant":)", record.tenant);
  text_member(out, R"(,"key":)", record.key);
  number_member(out, R"(,"attempts":)", record.attempts);
  if (record.stream) out.append(",\"stream\":true");
  if (record.input_tokens >= 0) {
    number_member(out, R"(,"input_tokens":)", record.input_tokens);
    number_member(out, R"(,"output_tokens":)", record.output_tokens);
  }
  number_member(out, R"(,"bytes_in":)", static_cast<std::int64_t>(record.bytes_in));
  number_member(out, R"(,"bytes_out":)", static_cast<std::int64_t>(record.bytes_out));
  number_member(out, R"(,"duration_us":)", record.duration_us);
  if (record.first_content_us >= 0)
    number_member(out, R"(,"first_content_us":)", record.first_content_us);
  if (record.overhead_us >= 0) number_member(out, R"(,"overhead_us":)", record.overhead_us);
  if (record.suppressed > 0) {
    number_member(out, R"(,"suppressed":)", static_cast<std::int64_t>(record.suppressed));
  }
  out.append("}\n");
}

RefusalSampler::RefusalSampler(Rate rate)
    : rate_(rate), seed_(std::random_device{}()), places_(places_count) {
  for (Place& place : places_) place.left = rate_.burst;
}

RefusalSampler::Verdict RefusalSampler::judge(std::string_view source, std::int64_t now_us) {
  const std::size_t hash = std::hash<std::string_view>{}(source) ^ seed_;
  Place& place = places_[(hash * 0x9e3779b97f4a7c15u >> 32) % places_count];
  const auto passed = static_cast<double>(std::max<std::int64_t>(now_us - place.since_us, 0));
  place.left = std::min<double>(rate_.burst, place.left + passed / 1e6 * rate_.per_second);
  place.since_us = now_us;
  if (place.left < 1) {
    ++place.suppressed;
    return {.logged = false, .suppressed = 0};
  }
  place.left -= 1;
  return {.logged = true, .suppressed = std::exchange(place.suppressed, 0)};
}

void AccessLog::Writer::write(const AccessRecord& record) {
  if (log_.fd_ < 0) return;
  RefusalSampler::Verdict verdict;
  if (record.refused()) verdict = refusals_.judge(record.client, record.time_us);
  if (!verdict.logged) {
    log_.suppressed_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::lock_guard lock(mutex_);
  if (lines_.size() >= log_.options_.queue_max) {
    log_.dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (verdict.suppressed == 0) return append_line(record, lines_);
  AccessRecord with_count = record;
  with_count.suppressed = verdict.suppressed;
  append_line(with_count, lines_);
}

AccessLog::AccessLog(Options options) : options_(std::move(options)) {
  fd_ = open_file();
  if (fd_ < 0 && where() != "off") {
    throw std::runtime_error("access log " + where() + ": " + std::strerror(errno));
  }
  if (fd_ >= 0) thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (fd_ > 2) ::close(fd_);
}

int AccessLog::open_file() const {
  if (where() == "off") return -1;
  if (where() == "stdout") return STDOUT_FILENO;
  if (where() == "stderr") return STDERR_FILENO;
  return ::open(where().c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

AccessLog::Writer& AccessLog::make_writer() {
  const std::lock_guard lock(mutex_);
  writers_.push_back(std::unique_ptr<Writer>(new Writer(*this)));
  return *writers_.back();
}

bool AccessLog::reopen() {
  if (fd_ <= 2) return true;
  const int fresh = open_file();
  if (fresh < 0) return false;
  // The number stays: whoever writes right now goes on with the new file.
  ::dup3(fresh, fd_, O_CLOEXEC);
  ::close(fresh);
  return true;
}

void AccessLog::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, flush_every);
    flush();
  }
  flush();
}

void AccessLog::flush() {
  for (const auto& writer : writers_) {
    std::string lines;
    {
      const std::lock_guard lock(writer->mutex_);
      lines.swap(writer->lines_);
    }
    write_all(fd_, lines);
  }
}

}  // namespace hawser::telemetry
