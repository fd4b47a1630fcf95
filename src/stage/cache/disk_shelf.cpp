#include "stage/cache/disk_shelf.hpp"

#include <stdexcept>

#include "stage/cache/entry_blob.hpp"

namespace hawser::stage::cache {
namespace {

using store::DiskFound;

MasterKey master_of(const DiskConfig& config) {
  auto key = MasterKey::parse(config.key);
  if (!key) throw std::runtime_error("cache.disk.key " + key.error().message);
  return std::move(*key);
}

/// One who waits for the disk's thread. It ends on the waiting thread, where its timer is: who
/// answers hands his share of it over with the post.
template <class T>
struct Reply {
  explicit Reply(net::Reactor& reactor) : waiter(reactor) {}
  net::Waiter waiter;
  std::optional<T> value{};
};

/// For a callback that is called once, on any thread.
template <class T>
std::function<void(T)> answering(net::Reactor& here, std::shared_ptr<Reply<T>> reply) {
  return [&here, reply = std::move(reply)](T value) mutable {
    here.post([reply = std::move(reply), value = std::make_shared<T>(std::move(value))] {
      reply->value.emplace(std::move(*value));
      reply->waiter.complete(net::IoStatus::ok);
    });
  };
}

DiskShelf::Found decoded(const DiskFound& found) {
  using Outcome = DiskShelf::Found::Outcome;
  switch (found.outcome) {
    case DiskFound::Outcome::hit: {
      EntryPtr entry = from_blob(found.value);
      const Outcome outcome = entry ? Outcome::hit : Outcome::miss;
      return {outcome, std::move(entry)};
    }
    case DiskFound::Outcome::miss:
      return {Outcome::miss, nullptr};
    case DiskFound::Outcome::late:
      return {Outcome::late, nullptr};
    case DiskFound::Outcome::error:
      return {Outcome::error, nullptr};
  }
  return {Outcome::error, nullptr};
}

}  // namespace

DiskShelf::DiskShelf(const DiskConfig& config) : DiskShelf(config, master_of(config)) {}

DiskShelf::DiskShelf(const DiskConfig& config, MasterKey master)
    : key_secret_(master.derive("cache keys").view()),
      disk_({.path = config.path, .size_max = config.size_max.count()}, std::move(master)) {}

Task<DiskShelf::Found> DiskShelf::find(net::Reactor& here, const Key& key,
                                       std::optional<std::string> owner,
                                       net::Cancellation& cancellation) {
  const auto deadline = Clock::now() + budget;
  const auto reply = std::make_shared<Reply<Found>>(here);
  disk_.get(key, std::move(owner), deadline, [answer = answering(here, reply)](DiskFound found) {
    answer(decoded(found));  // on the disk's thread, which has the time
  });
  {
    const net::Cancellation::Binding bound(cancellation, reply->waiter);
    co_await reply->waiter.wait(deadline);
  }
  if (!reply->value) co_return Found{};
  co_return std::move(*reply->value);
}

void DiskShelf::put(const Key& key, const Entry& entry, std::optional<std::string> owner,
                    milliseconds stale_for) {
  store::DiskEntry blob;
  blob.key = key;
  blob.owner = std::move(owner);
  blob.tenant = entry.tenant;
  blob.model = entry.model;
  blob.stored = std::chrono::floor<milliseconds>(entry.stored);
  blob.ttl = entry.ttl + stale_for;
  blob.value = to_blob(entry);
  disk_.put(std::move(blob));
}

Task<Result<std::size_t>> DiskShelf::purge(net::Reactor& here, const Purge& purge) {
  const auto reply = std::make_shared<Reply<Result<std::size_t>>>(here);
  store::DiskPurge wanted{purge.tenant, purge.model, purge.older_than};
  disk_.purge(std::move(wanted), answering(here, reply));
  co_await reply->waiter.wait(Clock::now() + 60s);
  if (!reply->value) {
    Error late{.code = Code::overloaded, .message = "the cache's disk does not answer"};
    co_return late;
  }
  co_return std::move(*reply->value);
}

}  // namespace hawser::stage::cache
