#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "exchange/stage.hpp"
#include "http/upstream.hpp"
#include "provider/provider.hpp"
#include "stage/attempt/answer_content.hpp"
#include "stage/attempt/config.hpp"
#include "stage/attempt/decide.hpp"
#include "stage/attempt/retry_budget.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::stage::attempt {

/// One provider as a worker uses it.
struct Upstream {
  std::shared_ptr<const provider::Provider> provider;
  std::shared_ptr<http::OriginPool> pool;
};

/// What the figures count of attempts.
struct AttemptCounts {
  telemetry::Shard* shard = nullptr;
  telemetry::SeriesId retries{};
  telemetry::SeriesId fallbacks{};
  telemetry::SeriesId connections_new{};
  telemetry::SeriesId connections_reused{};
};

/// The last stage: walks the candidates until one of them starts to answer.
class Attempt final : public exchange::Stage {
 public:
  Attempt(std::vector<Upstream> upstreams, const RetryConfig& retry, const TimeoutConfig& timeouts,
          net::Reactor& reactor, AttemptCounts counts);

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  /// What one try came to: an answer, or a failure that may carry the provider's own error answer.
  struct Tried {
    generation::GenerationPtr answer{};
    Failure failure{};
    Error error{};
  };
  Task<Tried> try_one(exchange::Exchange& exchange, const exchange::Target& target);
  Task<Result<http::UpstreamPtr>> connection_to(const Upstream& upstream,
                                                exchange::Exchange& exchange);
  Task<net::IoStatus> send(exchange::Exchange& exchange, const exchange::Target& target,
                           http::UpstreamConnection& connection);
  Task<net::IoStatus> send_stream(exchange::Exchange& exchange, std::string_view model,
                                  http::UpstreamConnection& connection, Clock::time_point deadline);
  Task<Tried> receive(exchange::Exchange& exchange, const Upstream& upstream,
                      http::UpstreamPtr connection, std::size_t sent_bytes);
  Task<Tried> begin_answer(exchange::Exchange& exchange, const Upstream& upstream,
                           http::UpstreamPtr connection);
  Task<Tried> refused(exchange::Exchange& exchange, const Upstream& upstream,
                      generation::AnswerHead head, std::unique_ptr<AnswerContent> content,
                      Failure failure);
  Clock::time_point first_token_deadline(const exchange::Exchange& exchange) const;
  Situation situation(const exchange::Exchange& exchange, std::size_t target,
                      std::uint32_t at_target);
  exchange::Answer give_up(exchange::Exchange& exchange, Tried tried, GiveUp how) const;
  Task<bool> pause(exchange::Exchange& exchange, milliseconds wait);

  std::vector<Upstream> upstreams_;
  RetryConfig retry_;
  TimeoutConfig timeouts_;
  net::Reactor& reactor_;
  AttemptCounts counts_;
  RetryBudget budget_;
  std::minstd_rand random_{std::random_device{}()};
  std::string head_;  // scratch: written and sent before anything else runs
};

}  // namespace hawser::stage::attempt
