#include "audit/log.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/random_bytes.hpp"

namespace hawser::audit {
namespace {

constexpr auto retry_after = 1s;

std::int64_t wall_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}
std::int64_t ticks_now() {
  return Clock::now().time_since_epoch().count();
}

std::string why(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

bool write_at(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    offset += static_cast<std::uint64_t>(done);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

/// A new file is there after a loss of power only when its folder is written.
bool sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::fsync(fd) == 0;
  ::close(fd);
  return done;
}

}  // namespace

// --- the workers' side

/// One more record of a stranger within this second.
bool Log::has_room_for_stranger() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  if (stranger_second_.exchange(second, std::memory_order_relaxed) != second) {
    strangers_now_.store(0, std::memory_order_relaxed);
  }
  return strangers_now_.fetch_add(1, std::memory_order_relaxed) < options_.strangers_a_second;
}

void Log::Inlet::put(std::string_view rest, By by) {
  if (by == By::stranger && !log_.has_room_for_stranger()) {
    log_.dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::size_t size = rest.size(), most = log_.options_.queue_max;
  const std::size_t strange = by == By::stranger ? size : 0;
  const auto strangers = log_.strangers_.fetch_add(strange) + strange;
  const auto waiting = log_.waiting_.fetch_add(size) + size;
  const bool full = waiting > most && !log_.options_.refuse;
  if (full || (strange > 0 && strangers > most / 4)) {
    log_.waiting_.fetch_sub(size);
    log_.strangers_.fetch_sub(strange);
    log_.dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (log_.options_.refuse && waiting > strangers && waiting - strangers > most / 2) {
    log_.refuses_.store(true, std::memory_order_relaxed);
  }
  {
    const std::lock_guard lock(mutex_);
    lines_.append(rest).push_back('\n');
    ++count_;
    strangers_ += strange;
  }
  std::int64_t none = 0;
  if (log_.oldest_.load(std::memory_order_relaxed) == 0) {
    log_.oldest_.compare_exchange_strong(none, ticks_now());
  }
  if (!log_.asleep_.load()) return;
  const std::lock_guard lock(log_.mutex_);
  log_.asleep_ = false;
  log_.wake_.notify_one();
}

void Log::Inlet::put(std::string_view rest, Told told) {
  // Who waits for its record is not dropped, but for a disk that takes nothing any more.
  const auto waiting = log_.waiting_.fetch_add(rest.size()) + rest.size();
  if (waiting > 2 * log_.options_.queue_max) {
    log_.waiting_.fetch_sub(rest.size());
    log_.dropped_.fetch_add(1, std::memory_order_relaxed);
    return told(false);
  }
  {
    const std::lock_guard lock(mutex_);
    lines_.append(rest).push_back('\n');
    ++count_;
    told_.push_back(std::move(told));
  }
  const std::lock_guard lock(log_.mutex_);
  log_.urgent_ = true;
  log_.asleep_ = false;
  log_.wake_.notify_one();
}

Log::Inlet& Log::make_inlet() {
  const std::lock_guard lock(mutex_);
  inlets_.push_back(std::unique_ptr<Inlet>(new Inlet(*this)));
  return *inlets_.back();
}

// --- beginning and end

Log::Log(Options options, const MasterKey& key, Trouble trouble)
    : options_(std::move(options)), key_(key), trouble_(std::move(trouble)) {
  ::mkdir(options_.folder.c_str(), 0750);  // that it is no folder shows below
  lock_folder();
  auto resumed = resume(options_.folder);
  if (!resumed) throw std::runtime_error("audit: " + resumed.error().message);
  start(std::move(*resumed));
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "hawser-audit");
    run();
  });
}

Log::~Log() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (fd_ >= 0) ::close(fd_);
  ::close(lock_fd_);
}

void Log::lock_folder() {
  const std::string path = options_.folder + "/lock";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock_fd_ < 0) throw std::runtime_error(why("audit: " + path));
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(lock_fd_);
  throw std::runtime_error("audit: another process writes " + options_.folder);
}

void Log::start(Resumed resumed) {
  SegmentHead head;
  head.after = !resumed.begun ? "begin" : resumed.stopped ? "stop" : "crash";
  if (!resumed.torn.empty() || (resumed.begun && !resumed.stopped)) {
    std::uint64_t bytes = 0;
    for (const TornEnd& torn : resumed.torn) bytes += torn.bytes;
    trouble_("the log did not end by a stop; it goes on behind line " +
             std::to_string(resumed.state.next_seq - 1) + ", " + std::to_string(bytes) +
             " bytes behind it are none" + (resumed.torn_lines ? " and hold whole lines" : ""));
  }
  if (resumed.state.log.empty()) resumed.state.log = to_hex(random_bytes(16));
  if (!options_.witness.empty()) {
    const auto key = PublicKey::parse(key_.public_hex());
    const auto seen = WitnessFile::last_of(options_.witness, *key);
    if (seen && seen->seq >= resumed.state.next_seq) {
      head.witness_ahead = seen->seq;
      trouble_("the witness has a root at " + std::to_string(seen->seq) +
               " that the log has not: its end was taken away");
    }
  }
  head.torn = std::move(resumed.torn);
  head.adopted = resumed.unsigned_lines.size();
  chain_ =
      std::make_unique<Chain>(std::move(resumed.state), std::move(resumed.unsigned_lines), key_);
  begin_segment(head);
}

// --- the log's thread

void Log::begin_segment(const SegmentHead& head) {
  SegmentHead full = head;
  full.node = options_.node;
  full.time_us = wall_us();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  offset_ = 0;
  opening_ = chain_->state().next_segment;
  segment_begun_ = signed_at_ = Clock::now();
  chain_->begin_segment(full, block_);
}

void Log::wait_for_work(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  asleep_ = true;
  const auto work = [this] { return ending_ || urgent_ || waiting_.load() > 0; };
  if (until == Clock::time_point::max()) {
    wake_.wait(lock, work);
  } else {
    wake_.wait_until(lock, until, work);
  }
  asleep_ = false;
  // What comes within the same moment goes with it.
  if (!ending_ && !urgent_ && waiting_.load() > 0) {
    wake_.wait_for(lock, options_.commit_every, [this] { return ending_ || urgent_; });
  }
  urgent_ = false;
}

bool Log::collect(Batch& batch) {
  std::vector<Inlet*> inlets;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& inlet : inlets_) inlets.push_back(inlet.get());
  }
  for (Inlet* const inlet : inlets) {
    const std::lock_guard lock(inlet->mutex_);
    if (batch.lines.empty()) {
      batch.lines.swap(inlet->lines_);  // the inlet goes on with memory that was used before
    } else {
      batch.lines.append(inlet->lines_);
      inlet->lines_.clear();
    }
    batch.count += std::exchange(inlet->count_, 0);
    batch.strangers += std::exchange(inlet->strangers_, 0);
    for (auto& told : inlet->told_) batch.told.push_back(std::move(told));
    inlet->told_.clear();
  }
  return batch.count > 0;
}

void Log::encode(const Batch& batch) {
  std::string_view lines = batch.lines;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    chain_->append(lines.substr(0, end), block_);
    lines.remove_prefix(end + 1);
    if (chain_->lines_unsigned() >= options_.sign_lines) sign();
  }
}

/// What has no record of its own is at least counted in the log.
void Log::add_gap() {
  const auto dropped = dropped_.load(), refused = refused_.load();
  if (dropped == dropped_told_ && refused == refused_told_) return;
  std::string rest = "\"time_us\":" + std::to_string(wall_us()) + ",\"type\":\"gap\",\"dropped\":";
  rest += std::to_string(dropped - dropped_told_) + ",\"refused\":";
  rest += std::to_string(refused - refused_told_) + "}";
  dropped_told_ = dropped;
  refused_told_ = refused;
  chain_->append(rest, block_);
}

void Log::sign() {
  const std::size_t at = block_.size();
  chain_->sign(wall_us(), block_);
  if (block_.size() == at) return;
  signed_at_ = Clock::now();
  signed_in_block_ = chain_->state().next_seq - 2;
  if (!options_.witness.empty()) roots_.push_back(block_.substr(at));
}

/// @return what went wrong; empty: nothing
std::string Log::write_block() {
  if (opening_ != 0) {
    const std::string path = options_.folder + "/" + segment_name(opening_);
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd_ < 0) return why(path);
    opening_ = 0;
    if (options_.sync && !sync_folder(options_.folder)) return why(options_.folder);
  }
  if (!write_at(fd_, block_, offset_)) return why("writing");
  // After a failure the pages count as clean: the block is written again as a whole.
  if (options_.sync && ::fdatasync(fd_) != 0) return why("writing to the disk");
  return {};
}

/// All of the block. @return false: it stays, to be tried again
bool Log::commit() {
  if (block_.empty()) return true;
  const std::string problem = write_block();
  if (problem.empty() == troubled_) {
    troubled_ = !troubled_;
    trouble_(troubled_ ? problem : "the log is written again");
  }
  if (troubled_) {
    errors_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  offset_ += block_.size();
  block_.clear();
  if (signed_in_block_ != 0) signed_through_ = signed_in_block_;
  give_to_witness();
  return true;
}

void Log::give_to_witness() {
  for (std::string& root : roots_) unwitnessed_.append(root);
  roots_.clear();
  if (unwitnessed_.empty()) return;
  const int fd = ::open(options_.witness.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  // A line that was cut short is none; the next one begins anew.
  const bool written = fd >= 0 &&
                       ::write(fd, unwitnessed_.data(), unwitnessed_.size()) ==
                           static_cast<ssize_t>(unwitnessed_.size()) &&
                       (!options_.sync || ::fdatasync(fd) == 0);
  const std::string problem = written ? std::string() : why(options_.witness);
  if (fd >= 0) ::close(fd);
  if (written == witness_troubled_) {
    witness_troubled_ = !witness_troubled_;
    trouble_("witness: " + (written ? std::string("it is written again") : problem));
  }
  constexpr std::size_t kept_max = 1024 * 1024;
  if (!written) {
    witness_errors_.fetch_add(1, std::memory_order_relaxed);
    // Later roots cover what these did.
    if (unwitnessed_.size() > kept_max) unwitnessed_.erase(0, unwitnessed_.size() / 2);
    if (!unwitnessed_.starts_with('\n')) unwitnessed_.insert(0, "\n");
    return;
  }
  unwitnessed_.clear();
}

void Log::rotate_if_due() {
  struct stat status {};
  const bool gone = fd_ >= 0 && ::fstat(fd_, &status) == 0 && status.st_nlink == 0;
  if (gone) trouble_(segment_name(chain_->state().next_segment - 1) + " was taken away");
  const bool due =
      offset_ >= options_.segment_max || Clock::now() - segment_begun_ >= options_.segment_time;
  if (!gone && !due) return;
  sign();
  if (!commit()) return;  // later
  SegmentHead head;
  head.after = "rotation";
  begin_segment(head);
}

void Log::settle(Batch& batch, bool kept) {
  for (const Told& told : batch.told) told(kept);
  batch.told.clear();
}

void Log::run() {
  bool last = false;
  Batch batch;
  while (!last) {
    const bool owes = chain_->lines_unsigned() > 0;
    if (block_.empty()) {
      wait_for_work(owes ? signed_at_ + options_.sign_every : Clock::time_point::max());
    }
    {
      const std::lock_guard lock(mutex_);
      last = ending_;
    }
    batch.lines.clear();
    batch.count = batch.strangers = 0;
    collect(batch);
    encode(batch);
    add_gap();
    if (last) {
      chain_->append("\"time_us\":" + std::to_string(wall_us()) + ",\"type\":\"stop\"}", block_);
    }
    const bool due = Clock::now() - signed_at_ >= options_.sign_every;
    if (last || (due && chain_->lines_unsigned() > 0)) sign();
    bool kept = commit();
    settle(batch, kept);
    while (!kept) {
      refuses_ = options_.refuse;
      std::unique_lock lock(mutex_);
      if (ending_ && last) break;  // it was tried; there is no later
      wake_.wait_for(lock, retry_after, [this] { return ending_; });
      if (ending_) break;
      lock.unlock();
      kept = commit();
    }
    if (kept) {
      records_ += batch.count;
      const std::size_t size = batch.lines.size() - batch.count;
      const auto waiting = waiting_.fetch_sub(size) - size;
      const auto strangers = strangers_.fetch_sub(batch.strangers) - batch.strangers;
      oldest_ = waiting == 0 ? 0 : ticks_now();
      const auto known = waiting - std::min(waiting, strangers);
      refuses_ = options_.refuse && known > options_.queue_max / 2;
      if (!last) rotate_if_due();
    }
  }
}

Log::Figures Log::figures() const {
  Figures figures;
  figures.records = records_;
  figures.waiting = waiting_;
  figures.dropped = dropped_;
  figures.refused = refused_;
  figures.errors = errors_;
  figures.witness_errors = witness_errors_;
  figures.signed_through = signed_through_;
  const std::int64_t oldest = oldest_;
  if (oldest != 0) {
    const Clock::time_point since{Clock::duration(oldest)};
    figures.lag = std::chrono::duration<double>(Clock::now() - since).count();
  }
  return figures;
}

}  // namespace hawser::audit
