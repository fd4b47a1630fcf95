#pragma once

#include <array>
#include <boost/assert.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
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

/// Where what an exchange carries may go, beside its targets.
struct Residency {
  policy::Grants grants{};
  /// What its targets are: the same ones give the same; 0: nothing binds it. An answer of others
  /// is not for it.
  std::uint64_t scope = 0;
  const std::string* rule = nullptr;  // that keeps a guard from it; of the configuration
  bool refuses = false;               // by that rule
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

/// A place of a body that goes out as something else.
struct BodyEdit {
  std::size_t at = 0;
  std::size_t size = 0;
  std::string text{};
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
  std::unique_ptr<Error> stream_error{};  // what the client's side of that stream failed with
  wire::Framing framing = wire::Framing::none;
  Media media = Media::none;  // exchange/identify
  bool json = false;          // exchange/identify; the body is one JSON text
  /// decode; there is a body, and its texts are not known: a form, a file, what is not JSON. A
  /// policy that must read them refuses it.
  bool unread = false;
  std::uint64_t content_length = 0;

  dialect::RequestFacts facts{};
  /// attempt; has the provider tell the usage that its client did not ask for; null: nothing does
  std::unique_ptr<BodyEdit> usage_edit{};

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
  bool fresh_connection = false;  // attempt: the next try takes no kept one
  int status = 0;                 // told to the client; 0: nothing was
  Clock::time_point sent{};       // last request on its way to the provider
  Clock::duration upstream{};     // time spent waiting for providers
  std::optional<Clock::time_point> first_content{};
  std::optional<Code> error{};
  dialect::Usage usage{};  // as the provider told it
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class Pipeline;

/// Told once when the exchange is over, however it ended. A stage of the exchange's pipeline.
class AtEnd {
 public:
  virtual void ended(const Exchange& exchange) = 0;

 protected:
  ~AtEnd() = default;
};

/// Decides what the client's going means while its answer has not begun.
class Outlives {
 public:
  /// @return whether the exchange goes on without its client; else it is cancelled
  virtual bool client_gone(Exchange& exchange) = 0;

 protected:
  ~Outlives() = default;
};

/// One client request on its way. Plain typed fields: each names the one that writes it; stages
/// after that one may read it.
struct Exchange {
  explicit Exchange(net::Cancellation& cancel) : cancellation(cancel) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    while (at_end_count_ > 0) at_end_[--at_end_count_]->ended(*this);
  }

  /// Tells it when the exchange is over; the last one first.
  void at_end(AtEnd& who) {
    BOOST_ASSERT(at_end_count_ < at_end_.size());
    at_end_[at_end_count_++] = &who;
  }

  /// Its stages, and what they point this exchange to. A reload may put another one in force
  /// meanwhile: this one goes with the exchange, behind all else of it. Set by Pipeline::run.
  std::shared_ptr<const Pipeline> pipeline{};

  std::string_view id{};        // front
  std::string_view method{};    // front
  std::string_view path{};      // front; without its query; outlives request.head
  Request request{};            // front
  Clock::time_point arrived{};  // front; policies take this as "now"
  Clock::time_point latest = Clock::time_point::max();  // who made it; when an answer is no use
  net::Cancellation& cancellation;                      // front; cancelled when the client is gone
  const Principal* principal = &anyone;                 // authenticate
  Candidates candidates{};                              // route; best first, never empty after it
  health::TargetHealth* health = nullptr;               // attempt; of the target that is asked
  Residency residency{};                                // route
  std::string_view public_model = "other";       // route; a name of the configuration, or other
  generation::Rules rules{};                     // route
  const policy::Timeouts* timeouts = nullptr;    // route; of its model, null: it has none
  std::unique_ptr<Reservation> reservation{};    // admit; attempt takes it over
  std::unique_ptr<std::string> answer_fields{};  // admit; "Name: value\r\n"...
  Outlives* outlives = nullptr;                  // record
  generation::RecordPtr record{};                // record; before there is an answer
  NotesPtr notes{};                              // audit; null: none is kept
  Trail trail{};                                 // everyone

 private:
  std::array<AtEnd*, 3> at_end_{};
  std::uint8_t at_end_count_ = 0;
};

}  // namespace hawser::exchange
