#pragma once

#include <boost/json/array.hpp>
#include <deque>
#include <string>

#include "base/clock.hpp"
#include "wire/http1.hpp"

namespace hawser::sim {

/// One request and what was sent for it.
struct Entry {
  std::uint64_t number = 0;
  std::uint64_t connection = 0;
  double at_ms = 0;
  std::string method{};
  std::string target{};
  boost::json::array headers{};  // [name, value]; credentials as a digest
  std::string body_sha256{};
  std::uint64_t body_size = 0;
  std::string body{};  // text up to 64 KiB
  int status = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t events_sent = 0;
  std::string outcome = "running";  // complete, reset, closed, client_closed, stalled
};

/// What the simulator was asked and what it sent: the truth that tests compare with.
class Journal {
 public:
  static constexpr std::size_t entries_max = 200'000;

  Entry& add(const wire::RequestHead& head, std::uint64_t connection);
  void clear() { entries_.clear(); }
  /// Entries with a number above `after`, as a JSON array.
  std::string json(std::uint64_t after) const;

  std::uint64_t connections = 0;
  std::int64_t connections_open = 0;
  std::int64_t active = 0;
  std::string stats() const;

 private:
  Clock::time_point start_ = Clock::now();
  std::uint64_t count_ = 0;
  std::deque<Entry> entries_;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace hawser::sim
