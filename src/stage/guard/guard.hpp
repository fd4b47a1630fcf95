#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exchange/exchange.hpp"
#include "http/endpoint.hpp"
#include "stage/guard/condition.hpp"
#include "stage/guard/kept_verdicts.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::stage::guard {

/// How a guard came to its word.
enum class Outcome : std::uint8_t { allow, block, kept, timeout, error, breaker, too_long };
constexpr std::size_t outcomes = 7;
struct GuardSeries {
  std::array<telemetry::SeriesId, outcomes> verdicts{};  // by Outcome
  telemetry::SeriesId duration{};
};
GuardSeries guard_series(telemetry::Registry& registry, const std::string& name);

/// Whether a text may pass.
struct Ruling {
  bool allow = true;
  std::string guard{};   // that blocks
  std::string reason{};  // its own; may be empty
};

/// One guard as a worker uses it. Answers that go on after a reload hold it.
class Guard : public std::enable_shared_from_this<Guard> {
 public:
  struct Parts {
    std::shared_ptr<const GuardConfig> config;
    std::shared_ptr<const http::Endpoint> endpoint;
    std::shared_ptr<http::OriginPool> pool;
    std::string secret;  // keys of kept verdicts follow from it
    telemetry::Shard& shard;
    GuardSeries series;
  };
  explicit Guard(Parts parts)
      : parts_(std::move(parts)),
        condition_(parts_.config->breaker),
        kept_(parts_.config->verdicts_max, parts_.config->verdicts_kept),
        pass_unread_(dialect::operations_of_grants(parts_.config->pass_unread)) {}

  const GuardConfig& config() const { return *parts_.config; }
  bool concerns(const exchange::Exchange& exchange, Direction direction) const;

  /// Whether what it cannot read passes: it gives no verdict there, as where it does not answer.
  bool passes_unread(dialect::Operation operation) const {
    return parts_.config->on_timeout == Without::open || pass_unread_.has(operation);
  }

  /// Always comes to a word, by the deadline.
  Task<Ruling> judge(std::shared_ptr<const Question> question);

 private:
  /// What came of asking: a verdict, or an error. `away`: the guard failed, and as far as it says
  /// not for the text's sake.
  struct Said {
    Result<Verdict> verdict;
    bool away = false;
  };
  Task<Said> ask(std::shared_ptr<const Question> question);
  void probe_if_due(Clock::time_point now);
  static Task<> probe(std::shared_ptr<Guard> guard);
  TextKey key_of(const Question& question) const;
  Ruling rule(const Verdict& verdict, Outcome outcome);
  Ruling without(Outcome outcome);
  void count(Outcome outcome) {
    parts_.shard.add(parts_.series.verdicts[static_cast<std::size_t>(outcome)]);
  }

  Parts parts_;
  Condition condition_;
  KeptVerdicts kept_;
  dialect::OperationSet pass_unread_;
};
using GuardPtr = std::shared_ptr<Guard>;

/// Several guards on one question, all at once. The first that blocks decides.
class Jury {
 public:
  /// @param on_refusal  told at once; what it touches must live until forget()
  Jury(net::Reactor& reactor, const std::vector<GuardPtr>& guards,
       std::shared_ptr<const Question> question, std::function<void()> on_refusal = {});
  ~Jury() { forget(); }
  Jury(const Jury&) = delete;
  Jury& operator=(const Jury&) = delete;

  /// Waits until all allow or one blocks.
  Task<Ruling> decide();
  void forget() { votes_->on_refusal = {}; }
  bool refused() const { return !votes_->ruling.allow; }

 private:
  struct Votes {
    explicit Votes(net::Reactor& reactor) : news(reactor) {}
    net::Waiter news;
    std::size_t open = 0;
    Ruling ruling{};
    std::function<void()> on_refusal{};
  };
  static Task<> vote(std::shared_ptr<Votes> votes, GuardPtr guard,
                     std::shared_ptr<const Question> question);

  std::shared_ptr<Votes> votes_;
};

/// What the client is told; the exchange's notes are, too.
Error refusal(const Ruling& ruling, const Question& question);

}  // namespace hawser::stage::guard
