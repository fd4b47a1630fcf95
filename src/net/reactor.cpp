#include "net/reactor.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hawser::net {

// --- Waiter

Waiter::Waiter(Reactor& reactor)
    : reactor_(reactor),
      timer_([](void* self) { static_cast<Waiter*>(self)->complete(IoStatus::timeout); }, this) {}

asio::awaitable<IoStatus> Waiter::wait(Clock::time_point deadline) {
  if (deadline != Clock::time_point::max()) reactor_.timers().set(timer_, deadline);
  return asio::async_initiate<const asio::use_awaitable_t<>&, void(IoStatus)>(
      [this](Handler&& handler) { handler_.emplace(std::move(handler)); }, asio::use_awaitable);
}

void Waiter::complete(IoStatus status) {
  if (!handler_) return;
  Handler handler = std::move(*handler_);
  handler_.reset();
  reactor_.timers().stop(timer_);
  std::move(handler)(status);  // may destroy *this
}

// --- Channel

Channel::Channel(Reactor& reactor, int fd) : reactor_(reactor), fd_(fd), waiter_(reactor) {
  reactor_.add(*this);
}

Channel::~Channel() {
  reactor_.remove(*this);
  if (fd_ >= 0) ::close(fd_);
}

asio::awaitable<IoStatus> Channel::wait(Want want, Clock::time_point deadline) {
  want_ = want;
  return waiter_.wait(deadline);
}

void Channel::happened(std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (broken || (events & EPOLLRDHUP) != 0) hung_up_ = true;
  if ((events & EPOLLIN) != 0 || hung_up_) readable_ = true;
  if ((events & EPOLLOUT) != 0 || broken) writable_ = true;
  // What is called below may destroy *this.
  if (waiter_.waiting()) {
    const bool ready = ((want_ & read) != 0 && readable_) || ((want_ & write) != 0 && writable_);
    if (ready) waiter_.complete(IoStatus::ok);
  } else if (hung_up_ && watch_ != nullptr) {
    std::exchange(watch_, nullptr)->hung_up();
  }
}

// --- Reactor

Reactor::Reactor(asio::io_context& loop)
    : loop_(loop), epoll_(loop), ticker_(loop), timers_(Clock::now()) {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  epoll_.assign(fd);
}

Reactor::~Reactor() = default;

void Reactor::start() {
  wait_for_events();
  tick();
}

void Reactor::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  epoll_.cancel(ignored);
  ticker_.cancel();
}

void Reactor::add(Channel& channel) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &channel;
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, channel.fd_, &event) != 0) {
    channel.hung_up_ = channel.readable_ = channel.writable_ = true;  // the first read tells
  }
  channel.next_ = channels_;
  if (channels_ != nullptr) channels_->previous_ = &channel;
  channels_ = &channel;
}

void Reactor::remove(Channel& channel) {
  if (channel.next_ != nullptr) channel.next_->previous_ = channel.previous_;
  if (channel.previous_ != nullptr) channel.previous_->next_ = channel.next_;
  if (channels_ == &channel) channels_ = channel.next_;
  for (int i = batch_at_; i < batch_end_; ++i) {
    auto& event = batch_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &channel) event.data.ptr = nullptr;
  }
}

void Reactor::wait_for_events() {
  if (stopped_) return;
  epoll_.async_wait(asio::posix::descriptor_base::wait_read,
                    [this](const boost::system::error_code& error) {
                      if (error) return;
                      dispatch();
                      wait_for_events();
                    });
}

void Reactor::dispatch() {
  const int count =
      ::epoll_wait(epoll_.native_handle(), batch_.data(), static_cast<int>(batch_.size()), 0);
  handle(count);
}

void Reactor::handle(int count) {
  batch_end_ = std::max(count, 0);
  for (batch_at_ = 0; batch_at_ < batch_end_;) {
    const epoll_event event = batch_[static_cast<std::size_t>(batch_at_++)];
    if (event.data.ptr != nullptr) static_cast<Channel*>(event.data.ptr)->happened(event.events);
  }
  batch_at_ = batch_end_ = 0;
}

void Reactor::run() {
  // Within a handler of the io_context, so that Asio recycles the coroutines' memory.
  asio::post(loop_, [this] { take_turns(); });
  loop_.run();
}

void Reactor::take_turns() {
  constexpr int tick_ms = static_cast<int>(TimerWheel::tick.count());
  auto next_tick = Clock::now();
  while (!stopped_) {
    const int patience_ms = poked_ ? 0 : expected_ > 0 ? 1 : tick_ms;
    handle(::epoll_wait(epoll_.native_handle(), batch_.data(), static_cast<int>(batch_.size()),
                        patience_ms));
    const auto now = Clock::now();
    const bool due = now >= next_tick;
    if (due) {
      timers_.advance(now);
      next_tick = now + TimerWheel::tick;
    }
    if (due || expected_ > 0 || poked_) {
      poked_ = false;
      loop_.poll();
    }
  }
}

void Reactor::tick() {
  if (stopped_) return;
  ticker_.expires_after(TimerWheel::tick);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    timers_.advance(Clock::now());
    tick();
  });
}

void Reactor::cancel_all() {
  // Ending one wait may end and begin others: start over until nobody waits.
  for (Channel* channel = channels_; channel != nullptr;) {
    if (channel->waiter_.waiting()) {
      channel->cancel();
      channel = channels_;
    } else {
      channel = channel->next_;
    }
  }
}

}  // namespace hawser::net
