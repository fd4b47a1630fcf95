// Stands for a model provider: answers from memory, fast enough never to be what is measured.
//
// A request says in its header x-bench-answer what it wants:
//   (no such header)            JSON, a body of 744 bytes
//   json delay=1500             the same after 1500 ms
//   stream events=500 rate=50   server-sent events of 200 bytes, 50 a second, then [DONE]
//   stream events=500           the same, as fast as the connection takes them
//   idle                        one event, then silence until the client closes
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <queue>
#include <vector>

#include "event.hpp"
#include "head.hpp"
#include "socket.hpp"

namespace hawser::bench {
namespace {

enum class Kind : std::uint8_t { json, stream, idle };

struct Wanted {
  Kind kind = Kind::json;
  Nanoseconds delay = 0;
  Nanoseconds pause = 0;  // between two events; 0: none
  std::size_t events = 0;
};

struct Connection {
  int fd = -1;
  std::uint64_t serial = 0;
  std::string in{};   // a request that is not whole
  std::string out{};  // what the socket did not take
  Wanted wanted{};
  std::size_t sent = 0;   // events of this answer
  bool flooding = false;  // events go out whenever the socket takes some
  bool queued = false;    // stands in the list of those that may go on at once
};

/// When a paced stream sends its next event, or a late answer goes out.
struct Alarm {
  Nanoseconds at = 0;
  int fd = -1;
  std::uint64_t serial = 0;
  bool operator<(const Alarm& other) const { return at > other.at; }  // soonest on top
};

constexpr std::string_view common_head =
    "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "openai-organization: bench\r\n"
    "openai-processing-ms: 12\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-ratelimit-reset-requests: 6ms\r\n"
    "x-request-id: req_0123456789abcdef0123456789abcdef\r\n";

std::string json_answer() {
  constexpr std::size_t body_size = 744;
  const std::string begin =
      "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1767225600,"
      "\"model\":\"bench-upstream\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
      "\"content\":\"";
  const std::string end =
      "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{"
      "\"prompt_tokens\":220,\"completion_tokens\":96,\"total_tokens\":316},"
      "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}";
  const std::string body = begin + std::string(body_size - begin.size() - end.size(), 'x') + end;
  return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + std::string(common_head) +
         "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string stream_head() {
  return "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n" +
         std::string(common_head) + "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
}

std::string chunk(std::string_view text) {
  char size[17];
  std::snprintf(size, sizeof size, "%zx", text.size());
  return size + ("\r\n" + std::string(text)) + "\r\n";
}

/// A run of event chunks whose numbers are put in before each use.
class EventBlock {
 public:
  static constexpr std::size_t count_max = 64;
  EventBlock() : size_(chunk(event_text()).size()) {
    for (std::size_t i = 0; i < count_max; ++i) text_ += chunk(event_text());
  }
  std::string_view events(std::size_t first, std::size_t count) {
    const std::size_t number_at = size_ - event_size - 2 + event_number_at;
    for (std::size_t i = 0; i < count; ++i) {
      put_number(text_.data() + i * size_ + number_at, first + i);
    }
    return std::string_view(text_).substr(0, count * size_);
  }

 private:
  std::size_t size_;
  std::string text_{};
};

Wanted wanted_by(std::string_view head) {
  Wanted wanted;
  const std::string text(header(head, "x-bench-answer"));
  if (text.empty()) return wanted;
  wanted.delay = static_cast<Nanoseconds>(number_in(text, "delay", 0)) * 1'000'000;
  wanted.events = number_in(text, "events", 1);
  const auto rate = static_cast<Nanoseconds>(number_in(text, "rate", 0));
  if (rate > 0) wanted.pause = a_second / rate;
  if (text.starts_with("stream")) wanted.kind = Kind::stream;
  if (text.starts_with("idle")) wanted.kind = Kind::idle;
  return wanted;
}

class Upstream {
 public:
  explicit Upstream(std::uint16_t port) : listener_(listen_on(port)) {
    poll_.add(listener_, static_cast<std::uint64_t>(listener_), EPOLLIN);
    std::printf("port %u\n", port_of(listener_));
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    while (true) {
      for (const auto& event : poll_.wait(until_next())) {
        const int fd = static_cast<int>(event.data.u64);
        if (fd == listener_) {
          accept_all();
        } else if (Connection* connection = find(fd)) {
          on_ready(*connection, event.events);
        }
      }
      ring_alarms();
      continue_floods();
    }
  }

 private:
  Connection* find(int fd) {
    return static_cast<std::size_t>(fd) < connections_.size()
               ? connections_[static_cast<std::size_t>(fd)].get()
               : nullptr;
  }
  Connection* find(int fd, std::uint64_t serial) {
    Connection* connection = find(fd);
    return connection != nullptr && connection->serial == serial ? connection : nullptr;
  }

  // Whole milliseconds: events that are due within one are sent in one turn.
  Nanoseconds until_next() const {
    if (!floods_.empty()) return 0;
    if (alarms_.empty()) return -1;
    const Nanoseconds left = std::max<Nanoseconds>(alarms_.top().at - now(), 0);
    return (left + 999'999) / 1'000'000 * 1'000'000;
  }

  void accept_all() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      no_delay(fd);
      const auto slot = static_cast<std::size_t>(fd);
      if (slot >= connections_.size()) connections_.resize(slot + 1);
      connections_[slot] = std::make_unique<Connection>();
      connections_[slot]->fd = fd;
      connections_[slot]->serial = ++serial_;
      poll_.add(fd, slot, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    }
  }

  void drop(Connection& connection) {
    const int fd = connection.fd;
    connections_[static_cast<std::size_t>(fd)].reset();
    close(fd);
  }

  void on_ready(Connection& connection, std::uint32_t events) {
    if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) return drop(connection);
    const std::uint64_t serial = connection.serial;
    const int fd = connection.fd;
    if ((events & EPOLLIN) != 0) receive(connection);
    if ((events & EPOLLOUT) == 0 || find(fd, serial) == nullptr) return;
    if (flush(connection) && connection.flooding) queue(connection);
  }

  void receive(Connection& connection) {
    while (true) {
      const auto size = recv(connection.fd, scratch_, sizeof scratch_, 0);
      if (size < 0 && errno == EAGAIN) return;
      if (size <= 0) return drop(connection);
      const bool more = static_cast<std::size_t>(size) == sizeof scratch_;
      if (!take(connection, {scratch_, static_cast<std::size_t>(size)})) return drop(connection);
      if (!more) return;
    }
  }

  /// Answers each whole request in `bytes`. @return false: malformed, or the client is gone
  bool take(Connection& connection, std::string_view bytes) {
    if (!connection.in.empty()) {
      connection.in += bytes;
      bytes = connection.in;
    }
    while (!bytes.empty()) {
      const auto end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) break;
      const auto head = bytes.substr(0, end + 4);
      if (!header(head, "transfer-encoding").empty()) return false;  // all bodies tell their size
      std::size_t body = 0;
      const auto length = header(head, "content-length");
      std::from_chars(length.data(), length.data() + length.size(), body);
      if (bytes.size() < head.size() + body) break;
      connection.wanted = wanted_by(head);
      begin(connection);
      bytes.remove_prefix(head.size() + body);
    }
    connection.in = std::string(bytes);
    return true;
  }

  void begin(Connection& connection) {
    const Wanted& wanted = connection.wanted;
    connection.sent = 0;
    if (wanted.delay > 0) return set_alarm(connection, now() + wanted.delay);
    if (wanted.kind == Kind::json) return send(connection, json_);
    send(connection, stream_head_);
    if (wanted.kind == Kind::idle) return send(connection, block_.events(0, 1));
    if (wanted.pause > 0) return set_alarm(connection, now() + wanted.pause);
    connection.flooding = true;
    queue(connection);
  }

  void set_alarm(const Connection& connection, Nanoseconds at) {
    alarms_.push({.at = at, .fd = connection.fd, .serial = connection.serial});
  }

  void ring_alarms() {
    const Nanoseconds time = now();
    while (!alarms_.empty() && alarms_.top().at <= time) {
      const Alarm alarm = alarms_.top();
      alarms_.pop();
      Connection* connection = find(alarm.fd, alarm.serial);
      if (connection == nullptr) continue;
      if (connection->wanted.kind == Kind::json) {
        send(*connection, json_);
        continue;
      }
      send(*connection, block_.events(connection->sent++, 1));
      if (connection->sent == connection->wanted.events) {
        send(*connection, stream_end_);
      } else {
        set_alarm(*connection, alarm.at + connection->wanted.pause);
      }
    }
  }

  void queue(Connection& connection) {
    if (connection.queued) return;
    connection.queued = true;
    floods_.push_back({.at = 0, .fd = connection.fd, .serial = connection.serial});
  }

  /// One block for each stream in turn.
  void continue_floods() {
    std::vector<Alarm> turn;
    turn.swap(floods_);
    for (const Alarm& entry : turn) {
      Connection* connection = find(entry.fd, entry.serial);
      if (connection == nullptr) continue;
      connection->queued = false;
      if (!flush(*connection)) continue;  // the next readiness queues it again
      const std::size_t left = connection->wanted.events - connection->sent;
      const std::size_t count = std::min(left, EventBlock::count_max);
      send(*connection, block_.events(connection->sent, count));
      connection->sent += count;
      if (count == left) {
        connection->flooding = false;
        send(*connection, stream_end_);
      } else if (connection->out.empty()) {
        queue(*connection);
      }
    }
  }

  /// A failure shows as a hang-up event, so it is not looked at here.
  void send(Connection& connection, std::string_view bytes) {
    if (connection.out.empty()) {
      const auto sent = ::send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    connection.out += bytes;
  }

  /// @return true when nothing is left to send
  bool flush(Connection& connection) {
    if (connection.out.empty()) return true;
    const std::string bytes = std::move(connection.out);
    connection.out.clear();
    send(connection, bytes);
    return connection.out.empty();
  }

  Poll poll_{};
  int listener_;
  std::uint64_t serial_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_{};  // by descriptor
  std::priority_queue<Alarm> alarms_{};
  std::vector<Alarm> floods_{};
  EventBlock block_{};
  const std::string json_ = json_answer();
  const std::string stream_head_ = stream_head();
  const std::string stream_end_ = chunk(done_event) + "0\r\n\r\n";
  char scratch_[64 * 1024];
};

}  // namespace
}  // namespace hawser::bench

/// bench_upstream [PORT]: prints "port N" once it listens.
int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const int port = argc > 1 ? std::atoi(argv[1]) : 0;
  const auto upstream = std::make_unique<hawser::bench::Upstream>(static_cast<std::uint16_t>(port));
  upstream->run();
}
