#include "client.hpp"

#include <utility>

namespace hawser::bench {
namespace {

char scratch[256 * 1024];  // one thread, and no client keeps what it read

}  // namespace

Client::Outcome Client::start(Nanoseconds since) {
  since_ = since;
  busy_ = true;
  response_.reset();
  unsent_ = plan_.request;
  if (channel_ == nullptr) {
    const auto turn = static_cast<std::uint32_t>(tag_) + turn_++;
    channel_ = std::make_unique<Channel>(connect_to(plan_.port, turn), plan_.tls);
    poll_.add(channel_->fd(), tag_, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
  }
  return send();
}

Client::Outcome Client::advance() {
  if (!busy_) return Outcome::pending;
  if (!unsent_.empty() && send() == Outcome::failed) return Outcome::failed;
  return unsent_.empty() ? receive() : Outcome::pending;
}

Client::Outcome Client::send() {
  while (!unsent_.empty()) {
    const Moved moved = channel_->write(unsent_);
    if (moved.state == Moved::State::later) return Outcome::pending;
    if (moved.state == Moved::State::closed) return closed("before the request was sent");
    unsent_.remove_prefix(moved.bytes);
  }
  return Outcome::pending;
}

Client::Outcome Client::receive() {
  while (true) {
    const Moved moved = channel_->read(scratch, sizeof scratch);
    if (moved.state == Moved::State::later) return Outcome::pending;
    if (moved.state == Moved::State::closed) return closed("before the answer was whole");
    switch (response_.feed({scratch, moved.bytes})) {
      case Response::State::broken:
        return fail(response_.reason());
      case Response::State::whole:
        busy_ = false;
        return Outcome::done;
      case Response::State::more:
        // A plain read that did not fill the buffer took all there was; the next edge will tell.
        if (plan_.tls == nullptr && moved.bytes < sizeof scratch) return Outcome::pending;
    }
  }
}

void Client::finish() {
  if (plan_.fresh) channel_.reset();
}

Client::Outcome Client::closed(const char* when) {
  return fail(std::string("closed ") + when + ": " + channel_->reason());
}

Client::Outcome Client::fail(std::string reason) {
  reason_ = std::move(reason);
  busy_ = false;
  channel_.reset();
  return Outcome::failed;
}

}  // namespace hawser::bench
