// Load generator: users that post chat requests and check each answer.
//
//   bench_load --port P [--connections 64] [--seconds 2] [--warmup 0.5] [--ramp 0]
//              [--rate R]        R requests a second on their own schedule, not one after another
//              [--fresh 1]       a new connection for each request
//              [--tls 1] [--resume 1]
//              [--answer TEXT]   what bench_upstream shall answer; "stream ..." also in the body
//              [--hold 1]        open streams, wait for an event of each, keep them until a line
//                                comes on stdin
//              [--watch PID,..]  processes whose CPU time is counted
//              [--beside PID,..] others whose CPU time is counted by itself
//              [--key KEY] [--model NAME]
//
// Prints one line of JSON; what it counts lies within the measured seconds.
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "client.hpp"
#include "watch.hpp"

namespace hawser::bench {
namespace {

class Options {
 public:
  Options(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; i += 2) values_[argv[i]] = argv[i + 1];
    if (argc % 2 == 0) throw std::runtime_error("each option has a value");
  }
  std::string text(const char* name, const char* otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  double number(const char* name, double otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : std::stod(found->second);
  }
  Nanoseconds seconds(const char* name, double otherwise) const {
    return static_cast<Nanoseconds>(number(name, otherwise) * static_cast<double>(a_second));
  }

 private:
  std::map<std::string, std::string> values_{};
};

/// A body of 1 KB as the OpenAI SDKs write it, and their headers.
std::string request_of(const Options& options, const std::string& answer) {
  constexpr std::size_t body_size = 1024;
  const std::string begin = "{\"model\":\"" + options.text("--model", "bench-model") +
                            "\",\"messages\":[{\"role\":\"system\",\"content\":\"You answer in "
                            "short, clear sentences.\"},{\"role\":\"user\",\"content\":\"";
  const bool stream = answer.starts_with("stream") || answer.starts_with("idle");
  const std::string end = std::string("\"}],\"temperature\":0.7,\"max_tokens\":256,\"stream\":") +
                          (stream ? "true}" : "false}");
  std::string body = begin;
  while (body.size() + end.size() < body_size) body += "The ship lies at anchor. ";
  body.resize(body_size - end.size());
  body += end;

  std::string head =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:" + options.text("--port", "") +
      "\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
      "Accept: application/json\r\nContent-Type: application/json\r\n"
      "User-Agent: OpenAI/Python 1.109.1\r\nX-Stainless-Lang: python\r\n"
      "X-Stainless-Package-Version: 1.109.1\r\nX-Stainless-OS: Linux\r\n"
      "X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n"
      "X-Stainless-Runtime-Version: 3.11.2\r\nX-Stainless-Async: async:asyncio\r\n"
      "X-Stainless-Retry-Count: 0\r\nX-Stainless-Read-Timeout: 600\r\n"
      "Authorization: Bearer " +
      options.text("--key", "bench-key") + "\r\n";
  if (!answer.empty()) head += "X-Bench-Answer: " + answer + "\r\n";
  return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct Count {
  std::uint64_t requests = 0;
  std::uint64_t events = 0;
  std::uint64_t resumed = 0;
  Nanoseconds time = 0;
  Nanoseconds watched = 0;
  Nanoseconds beside = 0;
  Nanoseconds own = 0;
};

class Run {
 public:
  explicit Run(const Options& options)
      : answer_(options.text("--answer", "")),
        watch_(options.text("--watch", "")),
        beside_(options.text("--beside", "")),
        ramp_(options.seconds("--ramp", 0)),
        warmup_(options.seconds("--warmup", 0.5)),
        measured_(options.seconds("--seconds", 2)),
        hold_(options.number("--hold", 0) != 0),
        tls_(options.number("--resume", 0) != 0) {
    plan_.port = static_cast<std::uint16_t>(options.number("--port", 0));
    plan_.request = request_of(options, answer_);
    plan_.fresh = options.number("--fresh", 0) != 0;
    if (options.number("--tls", 0) != 0) plan_.tls = &tls_;
    const double rate = options.number("--rate", 0);
    if (rate > 0) pause_ = static_cast<Nanoseconds>(static_cast<double>(a_second) / rate);
    const auto connections = static_cast<std::size_t>(options.number("--connections", 64));
    for (std::size_t i = 0; i < connections; ++i) clients_.emplace_back(plan_, poll_, i);
    latencies_.reserve(1'000'000);
  }

  void measure() {
    begin_ = now();
    while (now() < begin_ + warmup_) turn(begin_ + warmup_);
    recording_ = true;
    const Count first = count();
    const Nanoseconds end = first.time + measured_;
    while (now() < end) turn(end);
    const Count last = count();
    recording_ = false;
    finish();
    print(first, last);
  }

  /// Keeps every stream open until a line comes on stdin.
  void hold() {
    begin_ = now();
    const Nanoseconds give_up = begin_ + ramp_ + 10 * a_second;
    while (count().events < clients_.size() && errors_ == 0 && now() < give_up) turn(give_up);
    std::printf("{\"open\":%llu,\"errors\":%llu,\"error\":\"%s\"}\n", ull(count().events),
                ull(errors_), error_.c_str());
    std::fflush(stdout);
    std::getchar();
  }

  bool holds() const { return hold_; }

 private:
  static unsigned long long ull(std::uint64_t number) { return number; }

  Count count() const {
    Count sum = finished_;
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (clients_[i].busy()) sum.events += clients_[i].events();
    }
    sum.watched = cpu_of(watch_);
    sum.beside = cpu_of(beside_);
    sum.own = own_cpu();
    sum.time = now();
    return sum;
  }

  /// One look at the sockets, waiting until `limit` at most.
  void turn(Nanoseconds limit) {
    open_more();
    start_due();
    Nanoseconds next = limit;
    if (opened_ < clients_.size()) next = std::min(next, opening_at(opened_));
    if (pause_ > 0 && !idle_.empty()) next = std::min(next, due_);
    for (const auto& event : poll_.wait(std::max<Nanoseconds>(next - now(), 0))) {
      Client& client = clients_[event.data.u64];
      settle(client, client.advance());
    }
  }

  Nanoseconds opening_at(std::size_t index) const {
    const auto count = static_cast<Nanoseconds>(clients_.size());
    return begin_ + ramp_ * static_cast<Nanoseconds>(index) / count;
  }

  void open_more() {
    const Nanoseconds time = now();
    while (opened_ < clients_.size() && opening_at(opened_) <= time) {
      Client& client = clients_[opened_++];
      if (pause_ > 0) {
        idle_.push_back(&client);
        due_ = std::max(due_, time);
      } else {
        settle(client, client.start(now()));
      }
    }
  }

  /// Open loop: requests begin by the clock; those that find no free connection wait, and their
  /// latency counts from when they were due.
  void start_due() {
    if (pause_ == 0 || stopping_) return;
    const Nanoseconds time = now();
    while (due_ <= time && !idle_.empty()) {
      Client& client = *idle_.front();
      idle_.pop_front();
      const Nanoseconds since = due_;
      due_ += pause_;
      settle(client, client.start(since));
    }
  }

  void settle(Client& client, Client::Outcome outcome) {
    if (outcome == Client::Outcome::pending) return;
    const Nanoseconds time = now();
    if (outcome == Client::Outcome::failed) {
      ++errors_;
      error_ = client.reason();
      if (errors_ > 1000) throw std::runtime_error("too many failures: " + error_);
    } else {
      ++finished_.requests;
      finished_.events += client.events();
      if (client.resumed()) ++finished_.resumed;
      if (recording_) latencies_.push_back(time - client.since());
      client.finish();
    }
    if (stopping_) return;
    if (pause_ > 0) return idle_.push_back(&client);
    settle(client, client.start(time));
  }

  /// What is under way may end: a stream that breaks now counts as well.
  void finish() {
    stopping_ = true;
    const Nanoseconds give_up = now() + 10 * a_second;
    while (busy() > 0 && now() < give_up) turn(give_up);
    unfinished_ = busy();
  }

  std::uint64_t busy() const {
    return static_cast<std::uint64_t>(std::count_if(
        clients_.begin(), clients_.end(), [](const Client& client) { return client.busy(); }));
  }

  double quantile_us(double share) {
    if (latencies_.empty()) return 0;
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), latencies_.begin() + static_cast<std::ptrdiff_t>(rank),
                     latencies_.end());
    return static_cast<double>(latencies_[rank]) / 1000;
  }

  void print(const Count& first, const Count& last) {
    std::printf(
        "{\"requests\":%llu,\"events\":%llu,\"resumed\":%llu,\"errors\":%llu,\"unfinished\":%llu,"
        "\"error\":\"%s\",\"seconds\":%.6f,\"cpu_ns\":%lld,\"beside_ns\":%lld,\"own_cpu_ns\":%lld,"
        "\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
        ull(last.requests - first.requests), ull(last.events - first.events),
        ull(last.resumed - first.resumed), ull(errors_), ull(unfinished_), error_.c_str(),
        static_cast<double>(last.time - first.time) / static_cast<double>(a_second),
        static_cast<long long>(last.watched - first.watched),
        static_cast<long long>(last.beside - first.beside),
        static_cast<long long>(last.own - first.own), quantile_us(0.5), quantile_us(0.9),
        quantile_us(0.99), quantile_us(1));
  }

  std::string answer_;
  std::string watch_;
  std::string beside_;
  Nanoseconds ramp_;
  Nanoseconds warmup_;
  Nanoseconds measured_;
  bool hold_;
  TlsClient tls_;
  Plan plan_{};
  Poll poll_{};
  std::deque<Client> clients_{};
  std::deque<Client*> idle_{};
  Nanoseconds begin_ = 0;
  Nanoseconds pause_ = 0;  // between two requests of the schedule; 0: closed loop
  Nanoseconds due_ = 0;
  std::size_t opened_ = 0;
  bool recording_ = false;
  bool stopping_ = false;
  Count finished_{};
  std::uint64_t errors_ = 0;
  std::uint64_t unfinished_ = 0;
  std::string error_{};
  std::vector<Nanoseconds> latencies_{};
};

}  // namespace
}  // namespace hawser::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);   // OpenSSL writes to sockets that a peer closed
  prctl(PR_SET_TIMERSLACK, 1000);  // else a schedule of 100 us is kept to 50 us only
  try {
    hawser::bench::Run run(hawser::bench::Options(argc, argv));
    if (run.holds()) {
      run.hold();
    } else {
      run.measure();
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_load: %s\n", error.what());
    return 1;
  }
}
