#include "store/disk_cache.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "store/sealed.hpp"

namespace hawser::store {
namespace {

constexpr std::size_t batch_max = 64;  // puts in one transaction

/// What stands beside the ciphertext and may not be changed or taken from another row.
std::string bound_to(const DiskRow& row) {
  std::string out(reinterpret_cast<const char*>(row.key.data()), row.key.size());
  const auto append = [&out](std::string_view part) {
    out.append(std::to_string(part.size())).append(":").append(part);
  };
  append(row.tenant);
  append(row.model);
  append(std::to_string(row.stored.time_since_epoch().count()));
  append(std::to_string(row.ttl.count()));
  return out;
}

WallTime wall_now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

std::size_t size_of(const DiskEntry& entry) {
  return sizeof entry + entry.value.size() + entry.model.size() + entry.tenant.size();
}

}  // namespace

DiskCache::DiskCache(Settings settings, MasterKey master)
    : settings_(std::move(settings)),
      master_(std::move(master)),
      tag_key_(master_.derive("cache.disk tags")),
      table_(settings_.path, settings_.size_max) {
  thread_ = std::thread([this] { run(); });
}

void DiskCache::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void DiskCache::get(const DiskKey& key, std::optional<std::string> owner,
                    Clock::time_point deadline, Found found) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && gets_.size() < settings_.queue_max) {
      gets_.push_back({key, std::move(owner), deadline, std::move(found)});
      wake_.notify_one();
      return;
    }
  }
  found({DiskFound::Outcome::late, {}});
}

void DiskCache::put(DiskEntry entry) {
  const std::size_t size = size_of(entry);
  const std::lock_guard lock(mutex_);
  if (stopping_ || writes_.size() >= settings_.queue_max ||
      queued_bytes_ + size > settings_.queue_bytes_max) {
    ++dropped_queue_;
    return;
  }
  queued_bytes_ += size;
  writes_.emplace_back(std::move(entry));
  wake_.notify_one();
}

void DiskCache::purge(DiskPurge purge, Purged purged) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      writes_.emplace_back(PurgeJob{std::move(purge), std::move(purged)});
      wake_.notify_one();
      return;
    }
  }
  purged(Error{.code = Code::overloaded, .message = "the cache's disk is closed"});
}

DiskCache::Totals DiskCache::totals() const {
  return {bytes_, entries_, dropped_queue_, dropped_size_, dropped_disk_ + lost_};
}

/// Reads go first: somebody waits for them.
void DiskCache::run() {
  pthread_setname_np(pthread_self(), "hawser-disk");
  table_.open();
  commit();
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!gets_.empty()) {
      Get get = std::move(gets_.front());
      gets_.pop_front();
      lock.unlock();
      serve(get);
    } else if (!writes_.empty()) {
      Write write = std::move(writes_.front());
      writes_.pop_front();
      if (const auto* entry = std::get_if<DiskEntry>(&write)) queued_bytes_ -= size_of(*entry);
      const bool last = writes_.empty();
      lock.unlock();
      std::visit([this](auto& job) { serve(job); }, write);
      if (last || table_.uncommitted() >= batch_max) commit();
    } else if (stopping_) {
      break;
    } else {
      wake_.wait_for(lock, 10s);
      lock.unlock();
      sweep();
    }
    lock.lock();
  }
  lock.unlock();
  commit();
}

void DiskCache::serve(Get& get) {
  DiskFound found{DiskFound::Outcome::late, {}};
  if (Clock::now() < get.deadline) {
    try {
      found = look(get);
    } catch (const std::exception&) {  // out of memory
      found = {DiskFound::Outcome::error, {}};
    }
  }
  get.found(std::move(found));
}

DiskFound DiskCache::look(const Get& get) {
  DiskRow row;
  const auto outcome = table_.get(get.key, row);
  if (outcome == DiskTable::Outcome::nothing) return {DiskFound::Outcome::miss, {}};
  if (outcome != DiskTable::Outcome::done) return {DiskFound::Outcome::error, {}};
  if (row.stored + row.ttl < wall_now()) return {DiskFound::Outcome::miss, {}};
  auto value = open_sealed(key_of(get.owner), row.sealed, bound_to(row));
  if (value) return {DiskFound::Outcome::hit, std::move(*value)};
  table_.erase(get.key);  // nobody can read it
  return {DiskFound::Outcome::miss, {}};
}

void DiskCache::serve(DiskEntry& entry) {
  try {
    DiskRow row{entry.key, tag_of(entry.tenant), entry.model, entry.stored, entry.ttl, {}};
    row.sealed = seal(key_of(entry.owner), entry.value, bound_to(row));
    const auto outcome = table_.put(row);
    if (outcome == DiskTable::Outcome::too_large) ++dropped_size_;
    if (outcome == DiskTable::Outcome::unavailable) ++dropped_disk_;
  } catch (const std::exception&) {  // out of memory
    ++dropped_disk_;
  }
}

void DiskCache::serve(PurgeJob& job) {
  const std::string tag = job.purge.tenant.empty() ? "" : tag_of(job.purge.tenant);
  const auto purged = table_.purge(tag, job.purge.model, wall_now() - job.purge.older_than);
  publish();
  if (purged) return job.purged(*purged);
  job.purged(Error{.code = Code::overloaded, .message = "the cache's disk does not serve"});
}

void DiskCache::commit() {
  table_.commit();
  publish();
}

void DiskCache::publish() {
  bytes_ = table_.bytes();
  entries_ = table_.entries();
  lost_ = table_.lost();
}

void DiskCache::sweep() {
  const auto now = Clock::now();
  if (now < next_sweep_) return;
  next_sweep_ = now + 10s;
  table_.sweep(wall_now());
  commit();
}

KeyBytes DiskCache::key_of(const std::optional<std::string>& owner) const {
  return owner ? master_.derive("cache.disk tenant", *owner) : master_.derive("cache.disk shared");
}

std::string DiskCache::tag_of(std::string_view tenant) const {
  std::string tag(KeyBytes::size, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), tag_key_.data(), KeyBytes::size,
       reinterpret_cast<const unsigned char*>(tenant.data()), tenant.size(),
       reinterpret_cast<unsigned char*>(tag.data()), &size);
  return tag;
}

}  // namespace hawser::store
