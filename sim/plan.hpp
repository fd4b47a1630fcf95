#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "wire/http1.hpp"

namespace hawser::sim {

/// What goes wrong with an answer.
struct Fault {
  enum class Kind : std::uint8_t {
    none,
    status,           // `code`, with retry_after or retry_after_ms
    reset,            // RST at `where`
    close,            // FIN at `where`
    stall,            // silence at `where`, until the client goes
    malformed_event,  // event `count` is not JSON
    error_event,      // an in-band error in place of event `count`
    empty_stream,     // 200 and no event
    no_done,          // a clean end without the terminal event
    endless,          // content without end
    garbage_head,     // not HTTP
    truncate_length,  // Content-Length `count` bytes above what is sent
    chunked_broken,   // a chunk size that is none
  };
  enum class Where : std::uint8_t { before_request, before_head, after_bytes, after_events };
  Kind kind = Kind::none;
  Where where = Where::before_head;
  std::uint64_t count = 0;
  int code = 0;
  std::string retry_after{};
  std::string retry_after_ms{};
};

/// "reset:after-events=3", "status:429:retry-after=2", ... (docs/simulator.md).
Result<Fault> parse_fault(std::string_view text);

/// How one request is answered.
struct Plan {
  double latency_ms = 0;      // before the head
  double first_token_ms = 0;  // between the head and the first event
  double interval_ms = 0;     // between events
  std::optional<std::uint64_t> tokens{};
  std::uint64_t token_bytes = 0;   // 0: words of the vocabulary
  std::string chunking = "event";  // all, event, or a number of bytes a write
  std::string exchange{};          // recorded exchange to replay
  Fault fault{};
};

/// Settings by header ("x-sim-latency-ms: 20") and by script; counts what applies only so often.
class Planner {
 public:
  /// @param script  text of a JSON array of rules; empty: none
  Result<> load(std::string_view script);

  /// @param counts  false: a look at what would be, for rules that apply only so often
  Result<Plan> plan(const wire::RequestHead& head, std::string_view model, bool counts = true);
  bool has_script() const { return !rules_.empty(); }

 private:
  struct Rule {
    std::string path{};       // what the path contains; empty: any
    std::string model{};      // empty: any
    std::uint64_t nth = 0;    // only the n-th request that matches so far; 0: all
    std::uint64_t times = 0;  // at most so often; 0: always
    std::uint64_t matched = 0;
    std::uint64_t applied = 0;
    std::map<std::string, std::string> settings{};
  };
  Result<Rule> parse_rule(const boost::json::value& value) const;
  std::vector<Rule> rules_;
  std::map<std::string, std::uint64_t> used_;  // by x-sim-fault-key
};

}  // namespace hawser::sim
