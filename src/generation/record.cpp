#include "generation/record.hpp"

#include <algorithm>

#include "dialect/delta_text.hpp"
#include "dialect/response_event.hpp"
#include "generation/shelf.hpp"
#include "wire/sse.hpp"

namespace hawser::generation {
namespace {

// How long an answer that nobody got to the end of waits for the same request.
constexpr auto after_its_end = 60s;
constexpr std::size_t digested_at_once = 256 * 1024;  // bytes of the log

std::uint32_t frames_in(std::string_view bytes) {
  std::uint32_t count = 0;
  for (; !bytes.empty(); ++count) bytes.remove_prefix(wire::first_frame(bytes).size);
  return count;
}

}  // namespace

std::string_view name_of(State state) {
  switch (state) {
    case State::running:
      return "running";
    case State::detached:
      return "detached";
    case State::done:
      return "done";
    case State::failed:
      return "failed";
    case State::cancelled:
      return "cancelled";
    case State::expired:
      return "expired";
  }
  return "unknown";
}

// No name holds a byte 0.
void Owner::share(Sharing sharing, std::string_view team) {
  // Keys without a team are none.
  if (sharing == Sharing::key || (sharing == Sharing::team && team.empty())) return;
  key.push_back('\0');
  if (sharing == Sharing::team) key.append("team ").append(team);
}

bool Owner::is(const Owner& other) const {
  return tenant == other.tenant && std::string_view(key).substr(0, key.find('\0')) == other.key;
}

bool Owner::admits(const Owner& other, std::string_view team) const {
  if (is(other)) return true;
  const auto end = key.find('\0');
  if (end == std::string::npos || tenant != other.tenant) return false;
  const auto others = std::string_view(key).substr(end + 1);
  return others.empty() || (others.starts_with("team ") && others.substr(5) == team);
}

Record::Record(const Id& id, Owner owner, dialect::Api api, const Limits& limits,
               net::ByteLease lease)
    : api_(api), log_(std::move(lease)), limits_(limits), id_(id), owner_(std::move(owner)) {}

void Record::be_found(Directory& directory, const Fingerprint& by, std::uint64_t body) {
  directory_ = &directory;
  found_by_ = by;
  body_ = body;
}

void Record::be_named(Directory& directory, const Fingerprint& name) {
  directory_ = &directory;
  name_ = std::make_unique<Fingerprint>(name);
  directory.name(name, id());
}

Record::~Record() {
  if (name_) directory_->unname(*name_);
  if (directory_ != nullptr && !directory_->empty()) directory_->forget(found_by_, id());
}

std::optional<std::string> Record::lead() {
  return directory_->claim(found_by_, id(), Clock::now() + limits_.grace + after_its_end, body_);
}

void Record::offer() {
  if (directory_ == nullptr || delivered_) return;
  directory_->offer(found_by_, id(), Clock::now() + limits_.grace + after_its_end, body_, begun_);
}

void Record::withdraw() {
  if (directory_ == nullptr) return;
  directory_->withdraw(found_by_, id(), Clock::now() + after_its_end);
}

void Record::begin(AnswerHead head) {
  head_ = std::move(head);
  event_stream_ = head_->event_stream;
  wake_readers();
}

void Record::prefetch(int turns) const {
  switch (turns) {
    case 3:
      log_.prefetch(true);
      if (writer != nullptr) fetch(writer, 256);
      if (readers_ != nullptr) fetch(readers_, sizeof(LocalReader));
      break;
    case 2:
      log_.prefetch(false);
      if (readers_ == nullptr) return;
      readers_->waiter_.prefetch(640);
      if (readers_->leads_to_ != nullptr) fetch(readers_->leads_to_, 64);
      break;
    case 1:
      if (readers_ == nullptr || readers_->leads_to_ == nullptr) return;
      readers_->leads_to_->prefetch(turns);
      break;
    default:
      break;
  }
}

bool Record::full() {
  if (!over_limits()) return false;
  // Who has it all waits for more: that makes no room.
  const bool all_read = trim() == log_.next();
  return over_limits() && !all_read;
}

void Record::append(std::string_view bytes, std::uint32_t events, bool finishes) {
  if (ended()) return;
  log_.append(bytes, event_stream_ && events == 0 ? frames_in(bytes) : std::max(events, 1u));
  if (finishes) finished_at_ = std::min(finished_at_, log_.next());
  if (over_limits()) trim();
  wake_readers();
  if (readers_ == nullptr && log_.next() - detached_since_ > limits_.detached_max) {
    cancel(State::expired);
  }
}

void Record::end(State state, const Error* error, const dialect::Usage& usage) {
  usage_.set(usage);
  stop_ = {};
  if (ended()) return;
  state_ = state;
  if (error != nullptr) error_ = std::make_unique<Error>(*error);
  ended_at_ = Clock::now();
  deadline_ = Clock::time_point::max();
  if (shelf_ != nullptr) shelf_->keep_ended(id_);
  if (state != State::done && directory_ != nullptr) {
    directory_->forget(found_by_, id());
  } else if (readers_ != nullptr) {
    withdraw();
  }
  wake_readers();
}

bool Record::digest() {
  if (!digest_) digest_ = std::make_unique<Digest>();
  Digest& digest = *digest_;
  digest.next = std::max(digest.next, log_.first());
  auto position = log_.at(digest.next);
  std::size_t read = 0;
  for (EventRun run; read < digested_at_once && log_.take(position, run);) {
    read += run.bytes.size();
    digest.next = position.seq;
    while (!run.bytes.empty()) {
      const std::string_view frame = run.bytes.substr(0, wire::first_frame(run.bytes).size);
      run.bytes.remove_prefix(frame.size());
      dialect::append_delta_text(api_, frame, digest.text);
      if (api_ != dialect::Api::responses) continue;
      if (auto response = dialect::response_object(frame)) {
        digest.response = std::move(response->json);
      }
    }
  }
  return digest.next == log_.next();
}

void Record::cancel(State state) {
  if (ended()) return;
  const auto stop = std::exchange(stop_, {});
  const Error stopped{.code = Code::cancelled, .message = "the generation was stopped"};
  end(state, &stopped, usage());
  // The writer waits for readers or for its provider; the one it waits for ends it, and its
  // content.
  if (room != nullptr) {
    room->complete(net::IoStatus::cancelled);
  } else if (stop.cancel != nullptr) {
    stop.cancel(stop.of);
  }
}

void Record::detach_unless_read() {
  if (readers_ == nullptr) detach();
}

void Record::detach() {
  if (state_ == State::running || state_ == State::done) offer();
  if (ended()) return;
  if (limits_.cancel) return cancel(State::cancelled);
  state_ = State::detached;
  detached_since_ = log_.next();
  deadline_ = limits_.finish ? Clock::time_point::max() : Clock::now() + limits_.grace;
  if (room != nullptr) room->complete(net::IoStatus::ok);
}

void Record::attach(LocalReader& reader) {
  reader.next_ = readers_;
  if (readers_ != nullptr) readers_->previous_ = &reader;
  readers_ = &reader;
  if (state_ == State::detached) state_ = State::running;
  deadline_ = Clock::time_point::max();
}

void Record::detach(LocalReader& reader) {
  if (reader.next_ != nullptr) reader.next_->previous_ = reader.previous_;
  if (reader.previous_ != nullptr) reader.previous_->next_ = reader.next_;
  if (readers_ == &reader) readers_ = reader.next_;
  if (readers_ == nullptr) detach();
}

/// Beyond its limit the log keeps only what an attached reader still needs: that answer cannot be
/// taken up again from its beginning, but it goes on.
/// @return the first event that is needed
std::uint64_t Record::trim() {
  std::uint64_t needed = log_.next();
  for (const LocalReader* reader = readers_; reader != nullptr; reader = reader->next_) {
    needed = std::min(needed, reader->held_);
  }
  log_.drop_before(needed);
  return needed;
}

/// A client got it to its end: it is kept only as long as there is room for such.
void Record::deliver() {
  if (std::exchange(delivered_, true)) return;
  withdraw();
  if (shelf_ != nullptr) shelf_->keep_delivered(id());
}

void Record::wake_readers() {
  // A reader that is woken may go, and others with it: begin anew until nobody waits for what is
  // there.
  for (LocalReader* reader = readers_; reader != nullptr;) {
    if (reader->waiter_.waiting() && reader->has_news()) {
      reader->waiter_.complete(net::IoStatus::ok);
      reader = readers_;
    } else {
      reader = reader->next_;
    }
  }
}

// --- LocalReader

LocalReader::LocalReader(net::Reactor& reactor, RecordPtr record, std::uint64_t from)
    : record_(std::move(record)),
      waiter_(reactor),
      position_(record_->log().at(from)),
      held_(from) {
  record_->attach(*this);
}

LocalReader::~LocalReader() {
  record_->detach(*this);
}

bool LocalReader::has_news() const {
  if (head_only_) return record_->head_ || record_->ended();
  return position_.seq < record_->log_.next() || record_->ended();
}

Result<Batch> LocalReader::next() {
  held_ = position_.seq;
  // The writer goes on here and now: what it adds is to be seen, for nobody is woken for it.
  if (record_->room != nullptr) record_->room->complete(net::IoStatus::ok);
  Batch batch;
  const bool some = record_->log_.take(position_, batch.run);
  if (some) record_->begun_ = true;
  const bool all = position_.seq == record_->log_.next();
  if (!some && record_->ended() && record_->state_ != State::done) return *record_->error_;
  batch.last = all && record_->state_ == State::done;
  batch.more = !all;
  return batch;
}

void LocalReader::cancel_generation() {
  const bool alone = record_->readers_ == this && next_ == nullptr;
  if (alone) record_->cancel(State::cancelled);
}

Task<Result<>> LocalReader::wait_for_head(Clock::time_point deadline) {
  head_only_ = true;
  net::IoStatus waited = net::IoStatus::ok;
  while (!has_news() && waited == net::IoStatus::ok) waited = co_await waiter_.wait(deadline);
  head_only_ = false;
  if (record_->head()) co_return Result<>();
  if (record_->ended()) co_return *record_->error_;
  if (waited == net::IoStatus::timeout) {
    co_return Error{.code = Code::timeout,
                    .message = "the provider did not begin to answer in time"};
  }
  co_return Error{.code = Code::cancelled, .message = "cancelled"};
}

}  // namespace hawser::generation
