#include "net/ticket_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace hawser::net {
namespace {

template <std::size_t size>
void fill(std::array<unsigned char, size>& bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(size)) != 1) {
    throw std::runtime_error("no random bytes for the session ticket keys");
  }
}

}  // namespace

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

void TicketKeys::rotate_every(milliseconds period) {
  const std::lock_guard lock(mutex_);
  period_ = period;
}

void TicketKeys::rotate(Clock::time_point now) {
  std::erase_if(keys_, [&](const Key& key) { return now - key.made >= 3 * period_; });
  if (!keys_.empty() && now - keys_.back().made < period_) return;
  Key fresh;
  fill(fresh.name);
  fill(fresh.cipher);
  fill(fresh.mac);
  fresh.made = now;
  keys_.push_back(fresh);
}

void TicketKeys::tend(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
}

TicketKeys::Key TicketKeys::current(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
  return keys_.back();
}

std::optional<TicketKeys::Key> TicketKeys::find(std::span<const unsigned char, 16> name,
                                                Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
  for (const Key& key : keys_) {
    if (std::equal(name.begin(), name.end(), key.name.begin())) return key;
  }
  return std::nullopt;
}

}  // namespace hawser::net
