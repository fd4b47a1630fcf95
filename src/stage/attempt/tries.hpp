#pragma once

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "exchange/stage.hpp"
#include "http/upstream.hpp"
#include "provider/credential.hpp"
#include "provider/provider.hpp"
#include "stage/attempt/answer_content.hpp"
#include "stage/attempt/config.hpp"
#include "stage/attempt/deadlines.hpp"
#include "stage/attempt/decide.hpp"
#include "stage/attempt/link.hpp"
#include "stage/attempt/retry_budget.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::stage::attempt {

/// One provider as a worker uses it.
struct Upstream {
  std::shared_ptr<const provider::Provider> provider;
  std::shared_ptr<http::OriginPool> pool;
  std::shared_ptr<provider::Credential> credential{};  // null: all of it stands in the provider
};

/// What the figures count of attempts.
struct AttemptCounts {
  telemetry::Shard* shard = nullptr;
  telemetry::SeriesId retries{};
  telemetry::SeriesId fallbacks{};
  telemetry::SeriesId connections_new{};
  telemetry::SeriesId connections_reused{};
  telemetry::SeriesId reattached{};
  telemetry::SeriesId hedges{};
  telemetry::SeriesId hedges_won{};
  telemetry::SeriesId breakers_opened{};
  std::array<telemetry::SeriesId, 3> splices{};  // by dialect::SpliceKind
};

/// What one try came to: an answer, or a failure that may carry the provider's own error answer.
struct Tried {
  generation::GenerationPtr answer{};
  AnswerContent* content = nullptr;  // of the answer, as it comes from the provider
  AnswerContent* stream = nullptr;   // the same, where it is a stream of events
  Failure failure{};
  Error error{};
  std::string generation{};  // another gateway's name for it
  /// Behind so much silence of that gateway its path is dead; max(): it promised no heartbeats.
  milliseconds silence = milliseconds::max();
  bool nothing_left = false;  // a stream that is over, without an event
};

/// Sends a request to one target and reads how its answer begins; knows nothing of a second try.
/// Held by the stage and by the answers that may need another call later.
class Tries {
 public:
  /// @param health  outlives this
  Tries(std::vector<Upstream> upstreams, const RetryConfig& retry, const TimeoutConfig& timeouts,
        const health::HealthConfig& health, net::Reactor& reactor, AttemptCounts figures);

  /// @param exchange  that went through the stages, or a further call for one (exchange::Decided)
  // Not a coroutine where nothing is noted.
  Task<Tried> once(exchange::Exchange& exchange, const exchange::Target& target) {
    BOOST_ASSERT_MSG(exchange.pipeline != nullptr, "nobody decided about this request");
    return exchange.notes ? once_noted(exchange, target) : once_only(exchange, target);
  }

  const provider::Provider& provider_of(const exchange::Target& target) const {
    return *upstreams_[target.provider].provider;
  }

  net::Reactor& reactor() const { return reactor_; }
  Deadlines deadlines(const exchange::Exchange& exchange, const exchange::Target& target) const;
  milliseconds reattach_for() const { return reattach_for_; }
  /// To a target that is another gateway.
  Link& link_to(const exchange::Target& target) { return links_[target.provider]; }

  /// [0, 1), for jitter.
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  const AttemptCounts counts;
  RetryBudget budget;

 private:
  Task<Tried> once_only(exchange::Exchange& exchange, const exchange::Target& target);
  Task<Tried> once_noted(exchange::Exchange& exchange, const exchange::Target& target);
  Task<Tried> try_once(exchange::Exchange& exchange, const exchange::Target& target);
  Task<Tried> with_credential(exchange::Exchange& exchange, const exchange::Target& target);
  Task<bool> renewed(provider::Credential& credential, std::uint64_t seen,
                     exchange::Exchange& exchange);
  Task<Result<http::UpstreamPtr>> connection_to(const Upstream& upstream,
                                                exchange::Exchange& exchange);
  Task<net::IoStatus> send(exchange::Exchange& exchange, const exchange::Target& target,
                           http::UpstreamConnection& connection, std::size_t& sent_bytes);
  /// A body that streams through, as its head tells it.
  struct SentBody {
    std::string_view head;
    std::string_view model;  // in place of the client's; empty: that one stays
    std::uint64_t length;    // where it has one
  };
  Task<net::IoStatus> send_stream(exchange::Exchange& exchange, SentBody body,
                                  http::UpstreamConnection& connection, milliseconds stall);
  Task<Tried> receive(exchange::Exchange& exchange, const exchange::Target& target,
                      http::UpstreamPtr connection, std::size_t sent_bytes);
  Task<Tried> begin_answer(exchange::Exchange& exchange, const exchange::Target& target,
                           http::UpstreamPtr connection);
  Task<Tried> refused(exchange::Exchange& exchange, const Upstream& upstream,
                      generation::AnswerHead head, std::unique_ptr<AnswerContent> content,
                      Failure failure);
  Due due(const exchange::Exchange& exchange, const exchange::Target& target) const;

  std::vector<Upstream> upstreams_;
  std::vector<Link> links_;  // by provider
  TimeoutConfig timeouts_;
  const health::HealthConfig& health_;
  milliseconds reattach_for_;
  net::Reactor& reactor_;
  std::string head_;  // memory for heads: who writes one takes it, and gives it back
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace hawser::stage::attempt
