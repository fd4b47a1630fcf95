#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "exchange/call.hpp"
#include "stage/attempt/ask_for_usage.hpp"

namespace hawser::stage::attempt {

/// What the stages decided about an exchange, as far as it binds calls to providers. Nothing but an
/// exchange that went through them gives one, so there is none that allows more. Owns what it
/// points to: it may outlive its exchange.
class Decision {
 public:
  const policy::Grants& grants() const { return grants_; }
  const exchange::Principal& principal() const { return *principal_; }
  /// Of its model; null: it has none.
  const policy::Timeouts* timeouts() const { return timeouts_; }
  /// The client hears of the gateway's limits, not of the provider's.
  bool own_limits() const { return own_limits_; }
  /// The provider is asked for the usage of a stream, and its client is not told it.
  bool hides_usage() const { return hides_usage_; }

 private:
  friend class AttemptRequest;
  explicit Decision(const exchange::Exchange& exchange);

  std::shared_ptr<const exchange::Pipeline> pipeline_;  // keeps what the others point to
  const exchange::Principal* principal_;
  const policy::Timeouts* timeouts_;
  policy::Grants grants_;
  bool own_limits_;
  bool hides_usage_ = false;
};

/// A request as it may go to a target: what is sent, and what binds it. All that a try sees. It is
/// made of an exchange, or for a further call by the decision about one: a call that nothing binds
/// cannot be written.
class AttemptRequest {
 public:
  /// The one way from an exchange. A view of it: it outlives this.
  /// @throws std::logic_error  where the exchange did not go through the stages
  explicit AttemptRequest(const exchange::Exchange& exchange);
  /// The same request once more, at the same time: it ends by itself.
  /// @param cancellation  ends it; outlives it, as what `of` is a view of does
  AttemptRequest(const AttemptRequest& of, net::Cancellation& cancellation);

  /// What is sent.
  const exchange::Request& message() const { return *message_; }
  std::string_view id() const { return id_; }
  std::string_view method() const { return message_->head->method; }
  /// Of the body: has the provider tell the usage that the client did not ask for. Null: nothing.
  const BodyEdit* usage_edit() const { return usage_edit_ ? &*usage_edit_ : nullptr; }
  /// The same bytes, to be kept.
  exchange::Call::Given copy() const;

  const Decision& decision() const { return decision_; }
  /// How long it may take counts from here.
  Clock::time_point arrived() const { return arrived_; }
  /// By when its answer begins.
  Clock::time_point latest() const { return latest_; }
  net::Cancellation& cancellation() const { return *cancellation_; }
  /// Null: its tries are not noted.
  const exchange::NotesPtr& notes() const { return notes_; }

 private:
  friend class FurtherCall;
  AttemptRequest(Decision decision, const exchange::Request& message,
                 net::Cancellation& cancellation);

  Decision decision_;
  const exchange::Request* message_;
  std::string_view id_{};
  std::string_view path_{};  // canonical
  std::optional<BodyEdit> usage_edit_{};
  Clock::time_point arrived_{};
  Clock::time_point latest_ = Clock::time_point::max();
  net::Cancellation* cancellation_;
  exchange::NotesPtr notes_{};
};

/// One more call for an exchange, with bytes of its own: the exchange may be over.
class FurtherCall {
 public:
  struct Terms {
    Clock::time_point arrived{};  // how long it may take counts from here
    Clock::time_point latest = Clock::time_point::max();
    exchange::NotesPtr notes{};         // null: it is not noted as a try of its own
    std::optional<dialect::Api> api{};  // that its answer is of, where its path does not tell
  };
  FurtherCall(const Decision& decision, exchange::Call::Given given, Terms terms);
  FurtherCall(const FurtherCall&) = delete;
  FurtherCall& operator=(const FurtherCall&) = delete;

  /// Whether its body is one that can be sent.
  bool valid() const { return valid_; }
  const AttemptRequest& request() const { return request_; }
  /// What is waited for ends.
  void cancel() { cancellation_.cancel(); }

 private:
  bool read();

  exchange::Call::Given given_;
  wire::RequestHead head_{};
  exchange::Request message_{};
  net::Cancellation cancellation_{};
  bool valid_;
  AttemptRequest request_;
};

}  // namespace hawser::stage::attempt
