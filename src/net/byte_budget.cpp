#include "net/byte_budget.hpp"

#include <algorithm>
#include <utility>

namespace hawser::net {
namespace {

constexpr std::uint64_t slab_max = 1024 * 1024;
constexpr std::uint64_t slab_min = 64 * 1024;

}  // namespace

std::string_view name_of(MemoryKind kind) {
  switch (kind) {
    case MemoryKind::request_body:
      return "request_body";
    case MemoryKind::unpacking:
      return "unpacking";
    case MemoryKind::generation_log:
      return "generation_log";
    case MemoryKind::copy:
      return "copy";
    case MemoryKind::queue:
      return "queue";
  }
  return "unknown";
}

std::string_view name_of(MemoryBound bound) {
  switch (bound) {
    case MemoryBound::process:
      return "process";
    case MemoryBound::key:
      return "key";
    case MemoryBound::connection:
      return "connection";
    case MemoryBound::logs:
      return "generations";
  }
  return "unknown";
}

std::string_view setting_of(MemoryBound bound) {
  switch (bound) {
    case MemoryBound::process:
      return "limits.memory.process";
    case MemoryBound::key:
      return "limits.memory.per_key";
    case MemoryBound::connection:
      return "limits.memory.per_connection";
    case MemoryBound::logs:
      return "generations.memory_max";
  }
  return "unknown";
}

// --- SharedBytes, ProcessBytes

void SharedBytes::set_limit(std::uint64_t limit) {
  const auto now = static_cast<std::int64_t>(limit);
  const std::int64_t before = limit_.exchange(now, std::memory_order_relaxed);
  free_.fetch_add(now - before, std::memory_order_relaxed);
}

bool SharedBytes::take(std::uint64_t bytes) {
  const auto wanted = static_cast<std::int64_t>(bytes);
  std::int64_t free = free_.load(std::memory_order_relaxed);
  while (free >= wanted) {
    if (free_.compare_exchange_weak(free, free - wanted, std::memory_order_relaxed)) return true;
  }
  return false;
}

std::uint64_t SharedBytes::taken() const {
  const std::int64_t taken =
      limit_.load(std::memory_order_relaxed) - free_.load(std::memory_order_relaxed);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(taken, 0));
}

KeyBytes& ProcessBytes::of_key(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return keys_[name];
}

// --- WorkerBytes

bool WorkerBytes::Slab::take(std::uint64_t bytes) {
  if (at_hand < bytes) {
    const std::uint64_t lacking = bytes - at_hand;
    const std::uint64_t slabs = (lacking + size - 1) / size * size;
    if (shared.take(slabs)) {
      at_hand += slabs;
    } else if (shared.take(lacking)) {
      at_hand += lacking;
    } else {
      return false;
    }
  }
  at_hand -= bytes;
  return true;
}

void WorkerBytes::Slab::give_back(std::uint64_t bytes) {
  const std::uint64_t beyond = std::min(bytes, overdraft);  // makes no room
  overdraft -= beyond;
  at_hand += bytes - beyond;
  if (at_hand <= 2 * size) return;
  shared.give_back(at_hand - size);
  at_hand = size;
}

void WorkerBytes::configure(const ByteLimits& limits) {
  limits_ = limits;
  // Workers together keep little of a small bound at hand.
  all_.size = std::clamp(limits.process / 256, slab_min, slab_max);
  logs_.size = std::clamp(limits.logs / 256, slab_min, slab_max);
}

ByteLease WorkerBytes::lease(MemoryKind kind, std::string_view tenant, std::string_view key,
                             ConnectionBytes* connection) {
  ByteLease lease;
  lease.worker_ = this;
  lease.kind_ = static_cast<std::uint8_t>(kind);
  lease.connection_ = connection;
  if (key.empty()) return lease;
  name_.assign(tenant).append(1, '\0').append(key);
  KeyBytes*& known = keys_[name_];
  if (known == nullptr) known = &process_.of_key(name_);
  lease.key_ = known;
  return lease;
}

std::optional<MemoryBound> WorkerBytes::take(const ByteLease& lease, std::uint64_t bytes) {
  if (lease.connection_ != nullptr && lease.connection_->in_use + bytes > limits_.per_connection) {
    return MemoryBound::connection;
  }
  auto bound = take_of_key(lease, bytes);
  if (bound && reclaim_) {
    reclaim_(bytes, lease.key_);
    bound = take_of_key(lease, bytes);
  }
  if (bound) return bound;
  bound = take_shared(lease.kind(), bytes);
  if (bound && reclaim_) {
    reclaim_(bytes, nullptr);
    bound = take_shared(lease.kind(), bytes);
  }
  if (bound && lease.key_ != nullptr) {
    lease.key_->fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  }
  return bound;
}

std::optional<MemoryBound> WorkerBytes::take_of_key(const ByteLease& lease, std::uint64_t bytes) {
  if (lease.key_ == nullptr) return std::nullopt;
  const auto more = static_cast<std::int64_t>(bytes);
  const std::int64_t before = lease.key_->fetch_add(more, std::memory_order_relaxed);
  if (before + more <= static_cast<std::int64_t>(limits_.per_key)) return std::nullopt;
  lease.key_->fetch_sub(more, std::memory_order_relaxed);
  return MemoryBound::key;
}

std::optional<MemoryBound> WorkerBytes::take_shared(MemoryKind kind, std::uint64_t bytes) {
  if (kind == MemoryKind::generation_log && !logs_.take(bytes)) return MemoryBound::logs;
  if (all_.take(bytes)) return std::nullopt;
  if (kind == MemoryKind::generation_log) logs_.give_back(bytes);
  return MemoryBound::process;
}

Error WorkerBytes::refuse(MemoryBound bound) {
  const std::string setting(setting_of(bound));
  Error error;
  error.retry_after = std::chrono::seconds(1);
  if (bound == MemoryBound::key) {
    error.code = Code::rate_limit;
    error.message = "The requests and answers of this key hold all the memory that " + setting +
                    " gives it. Try again when some of them have ended.";
    return error;
  }
  error.code = Code::overloaded;
  error.status = 503;
  error.message =
      bound == MemoryBound::connection
          ? "The requests of this connection hold all the memory that " + setting + " gives it."
          : "The gateway holds all the memory for requests and answers that " + setting +
                " gives it.";
  return error;
}

// --- ByteLease

void ByteLease::swap(ByteLease& other) noexcept {
  std::swap(worker_, other.worker_);
  std::swap(key_, other.key_);
  std::swap(connection_, other.connection_);
  const std::uint64_t bytes = bytes_, kind = kind_;
  bytes_ = other.bytes_;
  kind_ = other.kind_;
  other.bytes_ = bytes & ((1ull << 56) - 1);
  other.kind_ = kind & 255;
}

ByteLease ByteLease::Origin::lease(MemoryKind kind) const {
  ByteLease lease;
  lease.worker_ = worker_;
  lease.key_ = key_;
  lease.kind_ = static_cast<std::uint64_t>(kind) & 0xff;
  return lease;
}

ByteLease::Origin ByteLease::origin() const {
  Origin origin;
  origin.worker_ = worker_;
  origin.key_ = key_;
  return origin;
}

Result<> ByteLease::grow(std::uint64_t bytes) {
  if (worker_ == nullptr) {
    add(bytes);
    return {};
  }
  if (const auto bound = worker_->take(*this, bytes)) {
    ++worker_->refused_[static_cast<std::size_t>(*bound)];
    return worker_->refuse(*bound);
  }
  add(bytes);
  return {};
}

bool ByteLease::try_grow(std::uint64_t bytes) {
  if (worker_ != nullptr) {
    if (const auto bound = worker_->take(*this, bytes)) {
      ++worker_->refused_[static_cast<std::size_t>(*bound)];
      return false;
    }
  }
  add(bytes);
  return true;
}

void ByteLease::force(std::uint64_t bytes) {
  if (worker_ != nullptr) {
    if (key_ != nullptr) {
      key_->fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
    }
    worker_->all_.force(bytes);
    if (kind() == MemoryKind::generation_log) worker_->logs_.force(bytes);
  }
  add(bytes);
}

void ByteLease::add(std::uint64_t bytes) {
  bytes_ = (bytes_ + bytes) & ((1ull << 56) - 1);
  if (connection_ != nullptr) connection_->in_use += bytes;
  if (worker_ != nullptr) worker_->in_use_[kind_] += bytes;
}

void ByteLease::shrink(std::uint64_t bytes) {
  bytes = std::min<std::uint64_t>(bytes, bytes_);
  bytes_ = (bytes_ - bytes) & ((1ull << 56) - 1);
  if (worker_ == nullptr || bytes == 0) return;
  if (key_ != nullptr) {
    key_->fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  }
  if (connection_ != nullptr) connection_->in_use -= bytes;
  worker_->in_use_[kind_] -= bytes;
  worker_->all_.give_back(bytes);
  if (kind() == MemoryKind::generation_log) worker_->logs_.give_back(bytes);
}

}  // namespace hawser::net
