#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/lazy.hpp"
#include "base/result.hpp"
#include "dialect/endpoint.hpp"
#include "dialect/request_peek.hpp"
#include "dialect/usage.hpp"
#include "exchange/candidates.hpp"
#include "exchange/notes.hpp"
#include "exchange/reservation.hpp"
#include "generation/record.hpp"
#include "generation/rules.hpp"
#include "net/cancellation.hpp"
#include "net/source.hpp"
#include "policy/grants.hpp"
#include "policy/timeouts.hpp"
#include "wire/http1.hpp"
#include "wire/media_type.hpp"

namespace hawser::exchange {

/// Who asks. Lives as long as the configuration that the exchange began with.
struct Principal {
  std::string tenant{};
  std::string team{};
  std::string key{};                  // its name
  std::vector<std::string> models{};  // that it may ask for; empty: all
  dialect::OperationSet operations = dialect::OperationSet::all();  // that it may call
  /// Also objects of the providers' accounts that others made, or nobody here.
  bool any_objects = true;
  bool shared = false;  // several people ask by it
};
/// Whoever comes, where there are no keys.
inline const Principal anyone{};

/// Where what an exchange carries may go, beside its targets: nowhere, until that is decided.
struct Residency {
  policy::Grants grants{};
  /// What its targets are: the same ones give the same; 0: nothing binds it. An answer of others
  /// is not for it.
  std::uint64_t scope = 0;
  const std::string* rule = nullptr;  // that keeps a guard from it; of the configuration
};

/// In what form a body says it is.
enum class Media : std::uint8_t {
  none,  // it does not say
  json,
  form,  // multipart/form-data, with a boundary
  other,
  other_charset,  // JSON in characters that are not UTF-8
  malformed       // no media type, or several
};

struct Request;

/// Gets the body of a request from its transport.
class RequestBody {
 public:
  /// Reads the body whole where it is JSON or small, else makes request.stream give it.
  /// Errors: too_large, timeout, connection, cancelled, invalid_request
  virtual Task<Result<>> load(Request& request) = 0;

 protected:
  ~RequestBody() = default;
};

/// The client's request as the stages see it.
struct Request {
  const wire::RequestHead* head = nullptr;
  dialect::Endpoint endpoint{};
  std::string_view client_address{};
  /// Of its verified certificate; null where it showed none.
  const std::vector<std::string>* client_names = nullptr;

  RequestBody* source = nullptr;

  // After decode: either the whole body, kept until the answer begins, or one that streams through
  // once.
  std::string_view body{};
  std::string_view asked{};  // filter; the body as the client sent it, where it was changed
  net::Source* stream = nullptr;
  wire::Framing framing = wire::Framing::none;
  Media media = Media::none;  // exchange/identify
  bool json = false;          // exchange/identify; the body is one JSON text
  /// decode; there is a body, and its texts are not known: a form, a file, what is not JSON. A
  /// policy that must read them refuses it.
  bool unread = false;
  std::uint64_t content_length = 0;

  dialect::RequestFacts facts{};

  /// The value of a field; empty where there is none.
  std::string_view header(std::string_view name) const {
    const auto* field = head->find(name);
    return field == nullptr ? std::string_view() : field->value;
  }
};

/// What happened, gathered on the way for the log and the figures.
struct Trail {
  const Target* target = nullptr;  // the one that answered or was tried last
  std::uint32_t attempts = 0;
  int status = 0;              // told to the client; 0: nothing was
  Clock::duration upstream{};  // time spent waiting for providers
  std::optional<Clock::time_point> first_content{};
  std::optional<Code> error{};
  Lazy<dialect::Usage> usage{};  // as the provider told it
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class Pipeline;

/// What is done once when an exchange is over, however it ended. Owned by the exchange, which keeps
/// the pipeline for longer: it may use stages.
class Completion {
 public:
  virtual ~Completion() = default;
  virtual void complete(const Exchange& exchange) = 0;

 private:
  friend struct Exchange;
  std::unique_ptr<Completion> earlier_{};
};

/// What the client's going means for as long as this lives: a guard on the frame of who waits for
/// the answer. Without one the exchange is cancelled. Of several the last one says.
class OnClientGone {
 public:
  explicit OnClientGone(Exchange& exchange);
  OnClientGone(const OnClientGone&) = delete;
  OnClientGone& operator=(const OnClientGone&) = delete;

  /// @return whether the exchange goes on without its client; else it is cancelled
  virtual bool goes_on() = 0;

 protected:
  virtual ~OnClientGone();
  Exchange& exchange() const { return exchange_; }

 private:
  Exchange& exchange_;
  OnClientGone* const before_;
};

/// One client request on its way. Plain typed fields: each names the one that writes it; stages
/// after that one may read it.
struct Exchange {
  explicit Exchange(net::Cancellation& cancel) : cancellation(cancel) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  /// Completes what is to be done when it is over, and tells its pipeline.
  ~Exchange();

  /// Done when the exchange is over; the last one first.
  void on_complete(std::unique_ptr<Completion> completion) {
    completion->earlier_ = std::move(last_completion_);
    last_completion_ = std::move(completion);
  }
  /// The same of a function of a const Exchange&.
  template <class Function>
  requires std::is_invocable_v<Function&, const Exchange&>
  void on_complete(Function function);

  /// The client is gone while its answer has not begun: the exchange ends, or goes on without it.
  void lose_client() {
    if (on_client_gone_ != nullptr && on_client_gone_->goes_on()) return;
    cancellation.cancel();
  }

  /// Its stages, and what they point this exchange to. A reload may put another one in force
  /// meanwhile: this one goes with the exchange, behind all else of it. Set by Pipeline::run.
  std::shared_ptr<const Pipeline> pipeline{};

  std::string_view id{};                         // front
  std::string_view method{};                     // front
  std::string_view path{};                       // front; without its query; outlives request.head
  Request request{};                             // front
  Clock::time_point arrived{};                   // front; policies take this as "now"
  net::Cancellation& cancellation;               // front; cancelled when the client is gone
  const Principal* principal = &anyone;          // authenticate
  Candidates candidates{};                       // route; best first, never empty after it
  Residency residency{};                         // route
  std::string_view public_model = "other";       // route; a name of the configuration, or other
  generation::Rules rules{};                     // route
  bool residency_refuses = false;                // route; by residency.rule
  const policy::Timeouts* timeouts = nullptr;    // route; of its model, null: it has none
  std::unique_ptr<Reservation> reservation{};    // admit; attempt takes it over
  std::unique_ptr<std::string> answer_fields{};  // admit; "Name: value\r\n"...
  generation::RecordPtr record{};                // record; before there is an answer
  NotesPtr notes{};                              // audit; null: none is kept
  Trail trail{};                                 // everyone

 private:
  friend class OnClientGone;
  std::unique_ptr<Completion> last_completion_{};
  OnClientGone* on_client_gone_ = nullptr;  // it takes itself away when it goes
};

template <class Function>
requires std::is_invocable_v<Function&, const Exchange&>
void Exchange::on_complete(Function function) {
  class Called final : public Completion {
   public:
    explicit Called(Function&& function) : function_(std::move(function)) {}
    void complete(const Exchange& exchange) override { function_(exchange); }

   private:
    Function function_;
  };
  on_complete(std::unique_ptr<Completion>(std::make_unique<Called>(std::move(function))));
}

inline OnClientGone::OnClientGone(Exchange& exchange)
    : exchange_(exchange), before_(std::exchange(exchange.on_client_gone_, this)) {}
inline OnClientGone::~OnClientGone() {
  exchange_.on_client_gone_ = before_;
}

}  // namespace hawser::exchange
