#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/secure_random.hpp"
#include "hawser/client.hpp"
#include "retry.hpp"

namespace hawser::sdk {

using Clock = std::chrono::steady_clock;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// One call as every transport makes it.
struct Request {
  std::string_view method;
  std::string_view path;  // behind the base URL
  std::string_view body;
  const Headers* headers = nullptr;
  /// Answers of 400 and above are given like all others once the retries are spent.
  bool pass_refusals = false;
};

/// Where its answer goes. False: the caller wants no more.
struct Sink {
  std::function<bool(int status, const Headers&)> head;
  std::function<bool(const StreamEvent&)> event;
  std::function<bool(std::string_view)> content;
  std::function<bool()> silent{};  // nothing came for `silence`
  std::chrono::milliseconds silence{0};
};

/// When a sink is to be told that nothing came.
class Silence {
 public:
  explicit Silence(const Sink& sink) : sink_(sink), told_(Clock::now()) {}
  void over() { told_ = Clock::now(); }
  Clock::time_point due() const {
    return sink_.silent && sink_.silence.count() > 0 ? told_ + sink_.silence
                                                     : Clock::time_point::max();
  }
  /// Tells it where that is due. False: the caller wants no more.
  bool tell() {
    if (Clock::now() < due()) return true;
    told_ = Clock::now();
    return sink_.silent();
  }

 private:
  const Sink& sink_;
  Clock::time_point told_;
};

/// A way to make calls.
class Calls {
 public:
  virtual ~Calls() = default;
  virtual Outcome<CallInfo> run(const Request& request, const Sink& sink,
                                const CancelToken* cancel) = 0;
};

ApiError make_error(ErrorType type, std::string message);
ApiError cancelled_error();
/// Fills message and code from {"error":{...}} in OpenAI's or Anthropic's form.
void read_error(std::string_view body, ApiError& error);
std::string_view find_header(const Headers& headers, std::string_view name);

/// Random numbers from several threads, which nobody can predict: names of calls are made of them.
class Chance {
 public:
  double next();
  /// "0123456789abcdef..." of `digits`.
  std::string hex(std::size_t digits);

 private:
  std::mutex mutex_;
  SecureRandom random_;
};

/// False: cancelled meanwhile.
bool pause(std::chrono::milliseconds wait, const CancelToken* cancel);

}  // namespace hawser::sdk
