#include "generation/remote.hpp"

#include <algorithm>

#include "base/name_pattern.hpp"
#include "dialect/response_event.hpp"
#include "wire/sse.hpp"

namespace hawser::generation {
namespace {

using net::IoStatus;

Error gone() {
  Error error{.code = Code::not_found,
              .message =
                  "This generation is not known here any more: it ended long ago, ran out of "
                  "its grace, or that part of it was let go."};
  error.status = 410;
  error.client_may_retry = false;
  return error;
}

Error ahead() {
  return {.code = Code::invalid_request,
          .message = "The generation has not come that far: the cursor is ahead of it.",
          .param = "after"};
}

/// Whether what it has may be given to who has the ticket.
Result<> may_read(const Record& record, const Ticket& ticket) {
  const Terms& terms = record.terms();
  const bool allowed = ticket.models.empty() ||
                       std::any_of(ticket.models.begin(), ticket.models.end(),
                                   [&](const auto& model) { return covers(model, terms.model); });
  if (!allowed) {
    return Error{.code = Code::permission,
                 .message = "This API key may not use the model of this generation.",
                 .client_may_retry = false};
  }
  if (terms.rules == ticket.rules) return {};
  return Error{.code = Code::invalid_request,
               .message =
                   "This answer was made under other rules than those in force now (filter, "
                   "guards, residency), so it is not given again: ask anew.",
               .status = 409,
               .client_may_retry = false};
}

Result<RecordPtr> find_owned(const Shelf& shelf, const Ticket& ticket) {
  RecordPtr record = shelf.find(ticket.id);
  if (!record || !record->owner().admits(ticket.owner, ticket.team)) return gone();
  return record;
}

Result<RecordPtr> find(const Shelf& shelf, const Ticket& ticket) {
  auto record = find_owned(shelf, ticket);
  if (!record) return record;
  if (const auto may = may_read(**record, ticket); !may) return may.error();
  return record;
}

/// Seq of the first event behind the one that has `number`; 410 where it cannot be told any more.
Result<std::uint64_t> behind_number(const Log& log, std::uint64_t number) {
  std::uint64_t seq = log.first();
  std::optional<std::uint64_t> last;
  auto position = log.at(seq);
  for (EventRun run; log.take(position, run);) {
    for (; !run.bytes.empty(); ++seq) {
      const std::size_t size = wire::first_frame(run.bytes).size;
      const auto found = dialect::sequence_number(run.bytes.substr(0, size));
      run.bytes.remove_prefix(size);
      if (!found) continue;
      if (*found > number) {
        const bool gap = !last && log.first() > 0 && *found > number + 1;
        if (gap) return gone();
        return seq;
      }
      last = found;
    }
  }
  if (!last || *last < number) return ahead();
  return log.next();
}

/// @param ticket  gets the seq that its number means
Result<RecordPtr> find_from(const Shelf& shelf, Ticket& ticket) {
  auto record = find(shelf, ticket);
  if (!record) return record;
  if ((*record)->state() == State::expired) return gone();  // its end will never come
  if (ticket.after_number) {
    const auto from = behind_number((*record)->log(), *std::exchange(ticket.after_number, {}));
    if (!from) return from.error();
    ticket.from = *from;
  }
  if (ticket.from < (*record)->log().first()) return gone();
  if (ticket.from > (*record)->log().next()) return ahead();
  return record;
}

/// @return nothing: more of its log is to be read first
std::optional<Status> status_of(Record& record) {
  if (!record.digest()) return std::nullopt;
  Status status{std::string(record.id()), record.state(), record.epoch(), record.log().next(),
                record.usage()};
  if (record.error()) status.error = record.error()->code;
  status.text = record.digested().text;
  status.response = record.digested().response;
  return status;
}

/// Runs `ask` on the thread of `home` and gives its result here. The reply ends here, where its
/// timer is: who answers hands his share of it over with the post.
template <class T>
Task<T> ask_at(net::Reactor& here, net::Reactor& home, std::function<T()> ask) {
  struct Reply {
    explicit Reply(net::Reactor& reactor) : waiter(reactor) {}
    net::Waiter waiter;
    std::optional<T> value{};
  };
  if (&here == &home) co_return ask();
  auto reply = std::make_shared<Reply>(here);
  home.post([&here, reply, ask]() mutable {
    here.post([reply = std::move(reply), value = std::make_shared<T>(ask())] {
      reply->value.emplace(std::move(*value));
      reply->waiter.complete(IoStatus::ok);
    });
  });
  co_await reply->waiter.wait(here.now() + 10s);
  if (!reply->value) {
    Error lost{.code = Code::internal, .message = "another worker does not answer"};
    co_return lost;
  }
  co_return std::move(*reply->value);
}

/// The head of an answer that begins at `from`.
AnswerHead head_from(const Record& record, std::uint64_t from) {
  AnswerHead head = *record.head();
  const Log& log = record.log();
  if (record.api() != dialect::Api::responses || from == 0 || log.first() > 0) return head;
  auto progress = std::make_shared<dialect::ResponseProgress>();
  auto position = log.at(0);
  for (EventRun run; position.seq < from && log.take(position, run);) {
    for (std::uint64_t seq = run.seq; !run.bytes.empty() && seq < from; ++seq) {
      const std::size_t size = wire::first_frame(run.bytes).size;
      progress->see(run.bytes.substr(0, size));
      run.bytes.remove_prefix(size);
    }
  }
  head.progress = std::move(progress);
  return head;
}

/// Events on their way between two workers: their bytes stand here.
struct Parcel {
  std::string bytes{};
  Batch batch{};
  std::optional<Error> error{};
};
using ParcelPtr = std::shared_ptr<Parcel>;

class RemoteReader;

/// What the two sides of a remote reader share. `reader` and `here` belong to one thread each; a
/// post carries the word from one to the other.
struct Link {
  Link(net::Reactor& asking, net::Reactor& at_home) : here(asking), home(at_home), asked(at_home) {}
  net::Reactor& here;
  net::Reactor& home;

  // at home
  net::Waiter asked;
  bool wanted = false;
  bool closed = false;
  std::unique_ptr<LocalReader> local{};
  AnswerHead head{};
  dialect::Usage usage{};

  // here
  RemoteReader* reader = nullptr;
};
using LinkPtr = std::shared_ptr<Link>;

class RemoteReader final : public Reader {
 public:
  RemoteReader(LinkPtr link, std::string id)
      : link_(std::move(link)), id_(std::move(id)), waiter_(link_->here) {
    link_->reader = this;
  }
  ~RemoteReader() override {
    link_->reader = nullptr;
    link_->home.post([link = link_] {
      link->closed = true;
      if (link->local) link->local->waiter().complete(IoStatus::cancelled);
      link->asked.complete(IoStatus::ok);
    });
  }

  Result<Batch> next() override {
    held_ = std::exchange(parcel_, nullptr);
    if (held_ && held_->error) return *held_->error;
    if (!(held_ && held_->batch.last) && !std::exchange(asked_, true)) {
      link_->home.post([link = link_] {
        link->wanted = true;
        link->asked.complete(IoStatus::ok);
      });
    }
    return held_ ? held_->batch : Batch{};
  }
  std::string_view id() const override { return id_; }
  std::uint32_t epoch() const override { return 1; }
  dialect::Usage usage() const override { return usage_; }
  void delivered() override {
    link_->home.post([link = link_] {
      if (link->local) link->local->delivered();
    });
  }
  void cancel_generation() override {
    link_->home.post([link = link_] {
      if (link->local) link->local->cancel_generation();
    });
  }
  net::Waiter& waiter() override { return waiter_; }

  void take(ParcelPtr parcel, const dialect::Usage& usage) {
    parcel_ = std::move(parcel);
    usage_ = usage;
    asked_ = false;
    waiter_.complete(IoStatus::ok);
  }

 private:
  LinkPtr link_;
  std::string id_;
  net::Waiter waiter_;
  ParcelPtr parcel_{};
  ParcelPtr held_{};
  dialect::Usage usage_{};
  bool asked_ = false;
};

constexpr std::size_t parcel_max = 64 * 1024;

/// All that is there, up to a bound; empty when there is nothing yet.
ParcelPtr pack(LocalReader& reader) {
  auto parcel = std::make_shared<Parcel>();
  while (parcel->bytes.size() < parcel_max && !parcel->batch.last) {
    const auto batch = reader.next();
    if (!batch) {
      // What came before the failure goes first; it is met again.
      if (parcel->bytes.empty()) parcel->error = batch.error();
      break;
    }
    parcel->batch.last = batch->last;
    if (batch->run.count == 0) break;
    if (parcel->bytes.empty()) parcel->batch.run.seq = batch->run.seq;
    parcel->bytes.append(batch->run.bytes);
    parcel->batch.run.count += batch->run.count;
  }
  parcel->batch.run.bytes = parcel->bytes;
  return parcel;
}

/// The home side: gives one batch for each that is asked, so that a slow client holds one.
Task<> serve_link(LinkPtr link) {
  while (!link->closed) {
    if (!std::exchange(link->wanted, false)) {
      if (co_await link->asked.wait(Clock::time_point::max()) == IoStatus::cancelled) break;
      continue;
    }
    ParcelPtr parcel = pack(*link->local);
    while (!parcel->error && !parcel->batch.last && parcel->batch.run.count == 0 && !link->closed) {
      const IoStatus waited = co_await link->local->wait(Clock::time_point::max());
      if (waited != IoStatus::ok) break;
      parcel = pack(*link->local);
    }
    if (link->closed) break;
    link->here.post([link, parcel, usage = link->local->usage()] {
      if (link->reader != nullptr) link->reader->take(parcel, usage);
    });
  }
  link->local.reset();
}

/// Nobody reads it: what stands at its home ends, there.
void close_link(const LinkPtr& link) {
  link->home.post([link] {
    link->closed = true;
    if (link->local) link->local->waiter().complete(IoStatus::cancelled);
    link->asked.complete(IoStatus::ok);
    link->local.reset();
  });
}

void drop_bug(std::exception_ptr) {}

GenerationPtr answer_from(const AnswerHead& head, std::unique_ptr<Reader> reader) {
  AnswerHead own = head;
  own.fields = head.event_stream ? "Content-Type: text/event-stream; charset=utf-8\r\n"
                                   "Cache-Control: no-cache\r\n"
                                 : "Content-Type: application/json\r\n";
  own.fields.append("x-hawser-generation: ").append(reader->id()).append("\r\n");
  return std::make_unique<Generation>(std::move(own), std::move(reader));
}

}  // namespace

Shelf* Generations::home_of(const Ticket& ticket) const {
  const auto worker = Shelf::worker_of(ticket.id);
  return worker ? directory_.shelf(*worker) : nullptr;
}

Task<Result<GenerationPtr>> Generations::open(Ticket ticket, net::Cancellation& cancellation,
                                              Clock::time_point deadline) {
  Shelf* const home = home_of(ticket);
  if (home == nullptr) co_return gone();
  if (home == &own_) {
    auto record = find_from(own_, ticket);
    if (!record) co_return record.error();
    auto reader = std::make_unique<LocalReader>(own_.reactor(), *record, ticket.from);
    cancellation.bind_answer(reader->waiter());
    auto waited = co_await reader->wait_for_head(deadline);
    if (!waited) co_return waited.error();
    const AnswerHead head = head_from(**record, ticket.from);
    co_return answer_from(head, std::move(reader));
  }
  const auto link = std::make_shared<Link>(own_.reactor(), home->reactor());
  std::function<Result<bool>()> attach = [link, home, ticket]() mutable -> Result<bool> {
    auto record = find_from(*home, ticket);
    const bool begun = record && (*record)->head();
    const bool failed = record && !begun && (*record)->error() != nullptr;
    if (!record || failed) {
      link->local.reset();  // on its own thread; the link may end on the other one
      return failed ? *(*record)->error() : record.error();
    }
    link->local = std::make_unique<LocalReader>(home->reactor(), *record, ticket.from);
    if (!begun) return false;
    link->head = head_from(**record, ticket.from);
    spawn(serve_link(link), drop_bug);
    return true;
  };
  for (;;) {
    auto attached = co_await ask_at(own_.reactor(), home->reactor(), attach);
    if (!attached) {
      close_link(link);  // the other worker may be late and open it still
      co_return attached.error();
    }
    if (*attached) break;
    // Its head is not there yet: it is looked for again, for such a generation is young and rare.
    net::Waiter pause(own_.reactor());
    const net::Cancellation::Binding bound(cancellation, pause);
    const IoStatus waited = co_await pause.wait(Clock::now() + 40ms);
    if (waited == IoStatus::cancelled || Clock::now() >= deadline) {
      close_link(link);
      co_return Error{.code = waited == IoStatus::cancelled ? Code::cancelled : Code::timeout,
                      .message = "the provider did not begin to answer in time"};
    }
  }
  auto reader = std::make_unique<RemoteReader>(link, ticket.id);
  cancellation.bind_answer(reader->waiter());
  co_return answer_from(link->head, std::move(reader));
}

/// Asks until there is a status: between two looks others have their turn.
Task<Result<Status>> Generations::ask_status(Shelf& home, Look look) {
  for (;;) {
    auto found = co_await ask_at(own_.reactor(), home.reactor(), look);
    if (!found) co_return found.error();
    if (*found) co_return std::move(**found);
    net::Waiter turn(own_.reactor());
    co_await turn.wait(own_.reactor().now() + 1ms);
  }
}

Task<Result<Status>> Generations::status(const Ticket& ticket) {
  Shelf* const home = home_of(ticket);
  if (home == nullptr) co_return gone();
  Look look = [home, ticket]() -> Result<std::optional<Status>> {
    auto record = find(*home, ticket);
    if (!record) return record.error();
    return status_of(**record);
  };
  co_return co_await ask_status(*home, std::move(look));
}

Task<Result<Status>> Generations::cancel(const Ticket& ticket) {
  Shelf* const home = home_of(ticket);
  if (home == nullptr) co_return gone();
  Look stop = [home, ticket]() -> Result<std::optional<Status>> {
    auto record = find_owned(*home, ticket);
    if (!record) return record.error();
    if (!(*record)->owner().is(ticket.owner)) return gone();  // it is not alone its reader's
    (*record)->cancel(State::cancelled);
    if (const auto may = may_read(**record, ticket); !may) return may.error();
    return status_of(**record);
  };
  co_return co_await ask_status(*home, std::move(stop));
}

}  // namespace hawser::generation
