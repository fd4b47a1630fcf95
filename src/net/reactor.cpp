#include "net/reactor.hpp"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hawser::net {
namespace {

// The channel itself, then what waits on it, then what its companion knows of.
constexpr int ahead = Companion::turns_max + 2;

}  // namespace

// --- Waiter

Waiter::Waiter(Reactor& reactor)
    : Timer([](Timer& self) { static_cast<Waiter&>(self).complete(IoStatus::timeout); }),
      reactor_(reactor) {}

Waiter::Wait Waiter::wait(Clock::time_point deadline) {
  if (cancelled_) {
    outcome_ = IoStatus::cancelled;
    return {*this};
  }
  if (deadline != Clock::time_point::max()) reactor_.timers().set(*this, deadline);
  return {*this};
}

void Waiter::complete(IoStatus status) {
  if (!waiting_) return;
  outcome_ = status;
  reactor_.timers().stop(*this);
  std::exchange(waiting_, {}).resume();  // may destroy *this
}

// --- Channel

Channel::Channel(Reactor& reactor, int fd) : fd_(fd), waiter_(reactor) {
  reactor.add(*this);
}

Channel::~Channel() {
  reactor().remove(*this);
  if (fd_ >= 0) ::close(fd_);
}

Waiter::Wait Channel::wait_turn() {
  // Once in the line, however often it waited there in one batch: who is destroyed at its turn
  // leaves no second entry behind.
  if (!std::exchange(in_line_, true)) reactor().line_.push_back(this);
  return wait(Want::hangup, Clock::time_point::max());
}

void Channel::happened(std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (broken || (events & EPOLLRDHUP) != 0) hung_up_ = true;
  if ((events & EPOLLIN) != 0 || hung_up_) readable_ = true;
  if ((events & EPOLLOUT) != 0 || broken) writable_ = true;
  // What is called below may destroy *this.
  if (waiter_.waiting()) {
    const bool ready = ((want_ & read) != 0 && readable_) || ((want_ & write) != 0 && writable_) ||
                       (want_ == hangup && hung_up_);
    if (ready) waiter_.complete(IoStatus::ok);
  } else if (hung_up_ && watch_ != nullptr) {
    std::exchange(watch_, nullptr)->hung_up();
  }
}

// --- Reactor

struct Reactor::InLoop {
  InLoop(asio::io_context& loop, int epoll_fd) : epoll(loop, epoll_fd), ticker(loop) {}

  asio::posix::stream_descriptor epoll;
  asio::steady_timer ticker;
};

Reactor::Reactor(asio::io_context& loop)
    : loop_(loop),
      epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)),
      timers_(Clock::now()),
      now_(Clock::now()) {
  if (epoll_fd_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  in_loop_ = std::make_unique<InLoop>(loop, epoll_fd_);
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  metronome_fd_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (metronome_fd_ < 0) throw std::system_error(errno, std::generic_category(), "timerfd");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = this;  // no channel: posts
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
}

Reactor::~Reactor() {
  ::close(wake_fd_);
  ::close(metronome_fd_);
}

void Reactor::start() {
  wait_for_events();
  tick();
}

void Reactor::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  in_loop_->epoll.cancel(ignored);
  in_loop_->ticker.cancel();
}

void Reactor::add(Channel& channel) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &channel;
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, channel.fd_, &event) != 0) {
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
  if (channel.in_line_) {
    std::replace(line_.begin(), line_.end(), &channel, static_cast<Channel*>(nullptr));
  }
  for (int i = batch_at_; i < batch_end_; ++i) {
    auto& event = batch_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &channel) event.data.ptr = nullptr;
  }
}

void Reactor::wait_for_events() {
  if (stopped_) return;
  in_loop_->epoll.async_wait(asio::posix::descriptor_base::wait_read,
                             [this](const boost::system::error_code& error) {
                               if (error) return;
                               handle(poll(0));
                               wait_for_events();
                             });
}

int Reactor::poll(int patience_ms) {
  const int count =
      ::epoll_wait(epoll_fd_, batch_.data(), static_cast<int>(batch_.size()), patience_ms);
  now_ = Clock::now();
  return count;
}

/// With thousands of streams each socket's memory is cold: it is asked for while those before it
/// are served.
void Reactor::prefetch(int at) const {
  const auto channel_at = [this](int index) -> Channel* {
    if (index < 0 || index >= batch_end_) return nullptr;
    void* const mark = batch_[static_cast<std::size_t>(index)].data.ptr;
    const bool ours = mark == this || mark == &metronome_fd_;
    return ours ? nullptr : static_cast<Channel*>(mark);
  };
  if (Channel* const channel = channel_at(at + ahead)) Companion::fetch(channel, 192);
  if (Channel* const channel = channel_at(at + ahead - 1)) {
    channel->waiter_.prefetch();
    if (channel->companion_ != nullptr) Companion::fetch(channel->companion_, 448);
  }
  for (int turns = Companion::turns_max; turns > 0; --turns) {
    const Channel* const channel = channel_at(at + turns);
    if (channel != nullptr && channel->companion_ != nullptr) channel->companion_->prefetch(turns);
  }
}

void Reactor::handle(int count) {
  batch_end_ = std::max(count, 0);
  // Of a long batch the first are not served before what they touch was asked for, too.
  if (count > ahead) {
    for (int at = -ahead; at < 0; ++at) prefetch(at);
  }
  for (batch_at_ = 0; batch_at_ < batch_end_;) {
    prefetch(batch_at_);
    const epoll_event event = batch_[static_cast<std::size_t>(batch_at_++)];
    if (event.data.ptr == this) {
      run_posted();
    } else if (event.data.ptr == &metronome_fd_) {
      std::uint64_t expiries = 0;
      (void)!::read(metronome_fd_, &expiries, sizeof expiries);  // winds it up again
    } else if (event.data.ptr != nullptr) {
      static_cast<Channel*>(event.data.ptr)->happened(event.events);
    }
  }
  batch_at_ = batch_end_ = 0;
  if (!line_.empty() || !turns_.empty()) give_turns();
}

void Reactor::give_turns() {
  for (std::size_t i = 0; i < line_.size(); ++i) {  // nobody joins: the batch is over
    if (i + 3 < line_.size() && line_[i + 3] != nullptr) line_[i + 3]->waiter_.prefetch(640);
    Channel* const channel = std::exchange(line_[i], nullptr);
    if (channel == nullptr) continue;
    channel->in_line_ = false;
    if (channel->want_ == Channel::hangup) channel->waiter_.complete(IoStatus::ok);
  }
  line_.clear();
  for (std::size_t i = 0; i < turns_.size(); ++i) {
    Turn* const turn = std::exchange(turns_[i], nullptr);
    if (turn == nullptr) continue;
    turn->in_line_ = false;
    turn->turn();
  }
  turns_.clear();
}

void Reactor::join_line(Turn& turn) {
  if (std::exchange(turn.in_line_, true)) return;
  turns_.push_back(&turn);
}

void Reactor::leave_line(Turn& turn) {
  if (!std::exchange(turn.in_line_, false)) return;
  std::replace(turns_.begin(), turns_.end(), &turn, static_cast<Turn*>(nullptr));
}

/// One periodic timer in place of a time-out for each epoll_wait(), which would set the hardware's
/// timer each time: in virtual machines that is a trip to the host.
void Reactor::arm_metronome() {
  constexpr auto tick_ns = std::chrono::nanoseconds(TimerWheel::tick).count();
  const itimerspec period{{0, tick_ns}, {0, tick_ns}};
  ::timerfd_settime(metronome_fd_, 0, &period, nullptr);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &metronome_fd_;
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, metronome_fd_, &event);
}

void Reactor::run() {
  arm_metronome();
  auto next_tick = Clock::now();
  while (!stopped_) {
    handle(poll(expected_ > 0 ? 1 : -1));
    if (now_ >= next_tick) {
      timers_.advance(now_);
      next_tick = now_ + TimerWheel::tick;
    }
    if (expected_ > 0) {
      loop_.restart();
      loop_.poll();
    }
  }
}

void Reactor::post(std::function<void()> job) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(job));
  }
  const std::uint64_t one = 1;
  if (first) (void)!::write(wake_fd_, &one, sizeof one);  // edge-triggered: never read back
}

void Reactor::run_posted() {
  std::vector<std::function<void()>> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(posted_);
  }
  for (auto& job : jobs) job();
}

void Reactor::tick() {
  if (stopped_) return;
  in_loop_->ticker.expires_after(TimerWheel::tick);
  in_loop_->ticker.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    now_ = Clock::now();
    timers_.advance(now_);
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
