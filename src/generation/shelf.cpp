#include "generation/shelf.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/random_bytes.hpp"

namespace hawser::generation {
namespace {

constexpr std::uint64_t log_begins_with = 32 * 1024;
constexpr std::uint64_t record_bytes = 1280;  // of one, its frames and its names
constexpr std::string_view digits = "0123456789abcdefghjkmnpqrstvwxyz";

struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::string_view name_of(const Record::Id& id) {
  return {id.data(), id.size()};
}

const std::string& process_key() {
  static const std::string key = random_bytes(32);
  return key;
}

}  // namespace

Fingerprint fingerprint_of(std::span<const std::string_view> parts) {
  Fingerprint out{};
  const std::unique_ptr<EVP_MD_CTX, ContextFree> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  EVP_DigestUpdate(context.get(), process_key().data(), process_key().size());
  for (const auto part : parts) {
    const std::uint64_t size = part.size();
    EVP_DigestUpdate(context.get(), &size, sizeof size);
    EVP_DigestUpdate(context.get(), part.data(), part.size());
  }
  EVP_DigestFinal_ex(context.get(), out.data(), nullptr);
  return out;
}

// --- Shelf

RecordPtr Shelf::add(Owner owner, dialect::Api api, const Record::Limits& limits) {
  Record::Id id{'g', '-', digits[worker_ / 32 % 32], digits[worker_ % 32]};
  ids_.next().substr(4).copy(id.data() + 4, id.size() - 4);
  auto lease = lease_for(owner);
  lease.force(record_bytes);  // room_for() asked whether there is any
  auto record = std::make_shared<Record>(id, std::move(owner), api, limits, std::move(lease));
  record->shelf_ = this;
  records_.insert(record);
  return record;
}

void Shelf::account_to(net::WorkerBytes& bytes) {
  bytes_ = &bytes;
  bytes.on_shortage([this](std::uint64_t wanted, const net::KeyBytes* of) { reclaim(wanted, of); });
}

net::ByteLease Shelf::lease_for(const Owner& owner) {
  if (bytes_ == nullptr) return {};
  const std::string_view key = std::string_view(owner.key).substr(0, owner.key.find('\0'));
  return bytes_->lease(net::MemoryKind::generation_log, owner.tenant, key);
}

Result<> Shelf::room_for(const Owner& owner) {
  // A worker's own shortage makes logs short and their writers wait; it refuses nobody.
  auto lease = lease_for(owner);
  auto room = lease.grow(log_begins_with);
  if (!room && room.error().code == Code::rate_limit) return room;
  return {};
}

/// The oldest first. What a reader still holds is not freed by it.
void Shelf::reclaim(std::uint64_t bytes, const net::KeyBytes* of) {
  constexpr std::size_t looked_at_max = 256;  // where the oldest are not those that are meant
  std::uint64_t freed = 0;
  std::size_t at = 0;
  for (std::size_t looked = 0; at < ended_.size() && freed < bytes && looked < looked_at_max;
       ++looked) {
    const auto found = records_.find(name_of(ended_[at]));
    if (found != records_.end() && of != nullptr && !(*found)->log().belongs_to(of)) {
      ++at;
      continue;
    }
    if (found != records_.end()) {
      const RecordPtr gone = *found;
      records_.erase(found);
      if (gone.use_count() == 1) freed += gone->log().memory();
    }
    ended_.erase(ended_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

void Shelf::forget(std::string_view id) {
  const auto found = records_.find(id);
  if (found != records_.end()) records_.erase(found);
}

void Shelf::keep_delivered(std::string_view id) {
  const RecordPtr record = find(id);
  if (!record) return;
  delivered_.push_back({std::string(id), record->log().memory() + sizeof(Record)});
  delivered_memory_ += delivered_.back().memory;
  while (delivered_memory_ > limits_.delivered_max) {
    delivered_memory_ -= delivered_.front().memory;
    forget(delivered_.front().id);
    delivered_.pop_front();
  }
}

std::optional<std::uint32_t> Shelf::worker_of(std::string_view id) {
  if (id.size() != id_size || !id.starts_with("g-")) return std::nullopt;
  const bool known = std::all_of(id.begin() + 2, id.end(),
                                 [](char c) { return digits.find(c) != std::string_view::npos; });
  if (!known) return std::nullopt;
  return static_cast<std::uint32_t>(digits.find(id[2]) * 32 + digits.find(id[3]));
}

RecordPtr Shelf::find(std::string_view id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : *found;
}

void Shelf::tend(Clock::time_point now) {
  memory_ = running_ = detached_ = 0;
  std::vector<RecordPtr> late;
  for (auto at = records_.begin(); at != records_.end();) {
    const RecordPtr& record = *at;
    if (record->ended() && now - record->ended_at() >= limits_.kept) {
      at = records_.erase(at);
      continue;
    }
    if (!record->ended() && now >= record->deadline()) late.push_back(record);
    memory_ += record->log().memory() + sizeof(Record);
    running_ += record->state() == State::running ? 1 : 0;
    detached_ += record->state() == State::detached ? 1 : 0;
    ++at;
  }
  for (const auto& record : late) record->cancel(State::expired);
  if (ended_.size() > 2 * records_.size() + 1024) {  // most of them are forgotten already
    std::erase_if(ended_, [this](const auto& id) { return !records_.contains(name_of(id)); });
  }
  while (!delivered_.empty() && !records_.contains(std::string_view(delivered_.front().id))) {
    delivered_memory_ -= delivered_.front().memory;
    delivered_.pop_front();
  }
  keep_bounds();
}

/// Of those that run without a client the oldest stop beyond their bound.
void Shelf::keep_bounds() {
  std::unordered_map<std::string, std::vector<RecordPtr>> by_key;
  for (const auto& record : records_) {
    if (record->state() == State::detached) by_key[record->owner().key].push_back(record);
  }
  for (auto& [key, records] : by_key) {
    if (records.size() <= limits_.detached_per_key_max) continue;
    std::sort(records.begin(), records.end(),
              [](const auto& a, const auto& b) { return a->deadline() < b->deadline(); });
    records.resize(records.size() - limits_.detached_per_key_max);
    for (const auto& record : records) record->cancel(State::expired);
  }
}

void Shelf::clear() {
  const auto records = std::exchange(records_, {});
  for (const auto& record : records) {
    record->shelf_ = nullptr;
    record->cancel(State::cancelled);
  }
}

// --- Directory

std::size_t Directory::Hash::operator()(const Fingerprint& fingerprint) const {
  std::size_t hash = 0;
  std::memcpy(&hash, fingerprint.data(), sizeof hash);
  return hash;
}

void Directory::offer(const Fingerprint& fingerprint, std::string_view id, Clock::time_point until,
                      std::uint64_t body, bool begun) {
  const std::lock_guard lock(mutex_);
  Offer& offer = offers_[fingerprint];
  offer = {std::string(id), until, body, offer.named && offer.id == id, begun};
  count_.store(offers_.size(), std::memory_order_relaxed);
}

std::optional<std::string> Directory::claim(const Fingerprint& fingerprint, std::string_view id,
                                            Clock::time_point until, std::uint64_t body) {
  const std::lock_guard lock(mutex_);
  const auto [offer, fresh] =
      offers_.try_emplace(fingerprint, Offer{std::string(id), until, body, false, false});
  if (!fresh) return offer->second.id;
  count_.store(offers_.size(), std::memory_order_relaxed);
  return std::nullopt;
}

bool Directory::has_other_body(const Fingerprint& fingerprint, std::uint64_t body) {
  const std::lock_guard lock(mutex_);
  const auto found = offers_.find(fingerprint);
  return found != offers_.end() && found->second.body != body;
}

std::optional<std::string> Directory::take(const Fingerprint& fingerprint, bool once,
                                           bool repeats) {
  const std::lock_guard lock(mutex_);
  const auto found = offers_.find(fingerprint);
  if (found == offers_.end()) return std::nullopt;
  // Who stopped an answer in its middle and asks again wants another one.
  if (found->second.begun && !repeats) return std::nullopt;
  std::string id = found->second.id;
  if (once) offers_.erase(found);
  count_.store(offers_.size(), std::memory_order_relaxed);
  return id;
}

/// Under the lock. Null: another one is found in its place, or none.
Directory::Offer* Directory::find(const Fingerprint& fingerprint, std::string_view id) {
  const auto found = offers_.find(fingerprint);
  return found != offers_.end() && found->second.id == id ? &found->second : nullptr;
}

void Directory::withdraw(const Fingerprint& fingerprint, std::string_view id,
                         Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  Offer* const offer = find(fingerprint, id);
  if (offer == nullptr) return;
  if (offer->named) {
    offer->until = until;
  } else {
    offers_.erase(fingerprint);
  }
  count_.store(offers_.size(), std::memory_order_relaxed);
}

void Directory::keep_named(const Fingerprint& fingerprint, std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (Offer* const offer = find(fingerprint, id)) offer->named = true;
}

void Directory::forget(const Fingerprint& fingerprint, std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (find(fingerprint, id) != nullptr) offers_.erase(fingerprint);
  count_.store(offers_.size(), std::memory_order_relaxed);
}

void Directory::name(const Fingerprint& name, std::string_view id) {
  const std::lock_guard lock(mutex_);
  names_[name] = id;
}

std::optional<std::string> Directory::named(const Fingerprint& name) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

void Directory::unname(const Fingerprint& name) {
  const std::lock_guard lock(mutex_);
  names_.erase(name);
}

void Directory::tend(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(offers_, [now](const auto& entry) { return entry.second.until <= now; });
  count_.store(offers_.size(), std::memory_order_relaxed);
}

}  // namespace hawser::generation
