#pragma once

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "http/upstream.hpp"
#include "provider/credential.hpp"
#include "provider/provider.hpp"
#include "stage/attempt/answer_content.hpp"
#include "stage/attempt/attempt_request.hpp"
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

/// One try: where it goes, and when.
struct Try {
  const exchange::Target* target = nullptr;
  health::TargetHealth* health = nullptr;  // that learns of it; null: none does
  bool fresh_connection = false;           // it takes no kept one
  // Said by Tries.
  Clock::time_point sent{};               // when the request was out
  Clock::duration waited{};               // for the provider
  std::unique_ptr<Error> client_error{};  // that the client's side of a streamed body failed with
};

/// What one try came to: an answer, or a failure that may carry the provider's own error answer.
struct Tried {
  generation::GenerationPtr answer{};
  AnswerContent* content = nullptr;  // of the answer, as it comes from the provider: not bound
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
        const health::HealthConfig& health, net::Reactor& reactor, net::WorkerBytes& bytes,
        AttemptCounts figures);

  /// Both outlive the task.
  // Not a coroutine where nothing is noted.
  Task<Tried> once(const AttemptRequest& request, Try& one) {
    return request.notes() ? once_noted(request, one) : once_only(request, one);
  }

  const provider::Provider& provider_of(const exchange::Target& target) const {
    return *upstreams_[target.provider].provider;
  }

  net::Reactor& reactor() const { return reactor_; }
  Deadlines deadlines(const AttemptRequest& request, const exchange::Target& target) const;
  milliseconds reattach_for() const { return reattach_for_; }
  /// To a target that is another gateway.
  Link& link_to(const exchange::Target& target) { return links_[target.provider]; }

  /// [0, 1), for jitter.
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  const AttemptCounts counts;
  RetryBudget budget;

 private:
  Task<Tried> once_only(const AttemptRequest& request, Try& one);
  Task<Tried> once_noted(const AttemptRequest& request, Try& one);
  Task<Tried> try_once(const AttemptRequest& request, Try& one);
  Task<Tried> with_credential(const AttemptRequest& request, Try& one);
  Task<bool> renewed(provider::Credential& credential, std::uint64_t seen,
                     net::Cancellation& cancellation);
  Task<Result<http::UpstreamPtr>> connection_to(const AttemptRequest& request, Try& one);
  Task<net::IoStatus> send(const AttemptRequest& request, Try& one,
                           http::UpstreamConnection& connection, std::size_t& sent_bytes);
  /// A body that streams through, as its head tells it.
  struct SentBody {
    std::string_view head;
    std::string_view model;  // in place of the client's; empty: that one stays
    std::uint64_t length;    // where it has one
    milliseconds stall;
  };
  Task<net::IoStatus> send_stream(const AttemptRequest& request, Try& one, SentBody body,
                                  http::UpstreamConnection& connection);
  static Task<Tried> redirected(const Upstream& upstream, generation::AnswerHead head,
                                std::unique_ptr<AnswerContent> content);
  Task<Tried> receive(const AttemptRequest& request, Try& one, http::UpstreamPtr connection,
                      std::size_t sent_bytes);
  Task<Tried> begin_answer(const AttemptRequest& request, Try& one, http::UpstreamPtr connection);
  Task<Tried> refused(const AttemptRequest& request, const Upstream& upstream,
                      generation::AnswerHead head, std::unique_ptr<AnswerContent> content,
                      Failure failure);
  Due due(const AttemptRequest& request, const Try& one) const;
  const Upstream& upstream_of(const Try& one) const { return upstreams_[one.target->provider]; }

  std::vector<Upstream> upstreams_;
  std::vector<Link> links_;  // by provider
  TimeoutConfig timeouts_;
  const health::HealthConfig& health_;
  milliseconds reattach_for_;
  net::Reactor& reactor_;
  net::WorkerBytes& bytes_;
  std::string head_;  // memory for heads: who writes one takes it, and gives it back
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace hawser::stage::attempt
