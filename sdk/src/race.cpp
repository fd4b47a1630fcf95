#include "race.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace hawser::sdk {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds next_address_after{250};
constexpr milliseconds again_after{500};
constexpr std::size_t attempts_max = 16;  // of one race

/// Attempts under way. Closes those that did not win.
class Race {
 public:
  explicit Race(std::span<const Address> addresses) : refused_(addresses.size(), false) {
    for (const auto& address : addresses) addresses_.push_back(&address);
  }
  ~Race() {
    for (const auto& attempt : open_) ::close(attempt.fd);
  }
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;

  /// Begins an attempt if one is due; of an address that refuses, the next one is due at once.
  void begin_due(Clock::time_point now) {
    while (now >= due_ && begun_ < attempts_max) {
      const auto at = choose();
      if (!at) return;
      ++begun_;
      if (begin(*at)) {
        due_ = now + (begun_ < addresses_.size() ? next_address_after : again_after);
      }
    }
  }
  bool hopeless() const { return open_.empty() && (begun_ >= attempts_max || all_refused()); }
  Clock::time_point due() const {
    return begun_ < attempts_max && !all_refused() ? due_ : Clock::time_point::max();
  }

  /// Waits until something happens. @return the winner's socket, or -1
  int wait(Clock::time_point until, const CancelToken* cancel, bool& cancelled) {
    std::vector<pollfd> entries;
    for (const auto& attempt : open_) entries.push_back({attempt.fd, POLLOUT, 0});
    entries.push_back({cancel == nullptr ? -1 : cancel->descriptor(), POLLIN, 0});
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    const int most = static_cast<int>(std::clamp<long long>(left, 0, 60'000));
    ::poll(entries.data(), entries.size(), most);
    cancelled = entries.back().revents != 0;
    for (std::size_t i = open_.size(); i-- > 0 && !cancelled;) {
      if (entries[i].revents == 0) continue;
      const Attempt done = open_[i];
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
      int problem = 0;
      socklen_t size = sizeof problem;
      ::getsockopt(done.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
      if (problem == 0) return done.fd;
      refuse(done.at, done.fd);
    }
    return -1;
  }

 private:
  struct Attempt {
    int fd;
    std::size_t at;
  };

  bool all_refused() const {
    return std::all_of(refused_.begin(), refused_.end(), [](bool refused) { return refused; });
  }
  std::optional<std::size_t> choose() {
    for (std::size_t looked = 0; looked < addresses_.size(); ++looked) {
      const std::size_t at = next_++ % addresses_.size();
      if (!refused_[at]) return at;
    }
    return std::nullopt;
  }
  void refuse(std::size_t at, int fd) {
    refused_[at] = true;
    due_ = {};
    if (fd >= 0) ::close(fd);
  }
  /// False: it failed at once.
  bool begin(std::size_t at) {
    const Address& address = *addresses_[at];
    const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const int fd = ::socket(address.bytes.ss_family, type, 0);
    const auto* to = reinterpret_cast<const sockaddr*>(&address.bytes);
    const int on = 1;
    if (fd >= 0) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fd >= 0 && (::connect(fd, to, address.size) == 0 || errno == EINPROGRESS)) {
      open_.push_back({fd, at});
      return true;
    }
    refuse(at, fd);
    return false;
  }

  std::vector<const Address*> addresses_;
  std::vector<bool> refused_;
  std::vector<Attempt> open_;
  Clock::time_point due_{};
  std::size_t begun_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

int connect_first(std::span<const Address> addresses, Clock::time_point deadline,
                  const CancelToken* cancel, Io& status) {
  Race race(addresses);
  for (;;) {
    const auto now = Clock::now();
    status = Io::timeout;
    if (now >= deadline) return -1;
    race.begin_due(now);
    status = Io::failed;
    if (race.hopeless()) return -1;
    bool cancelled = false;
    const int fd = race.wait(std::min(deadline, race.due()), cancel, cancelled);
    status = cancelled ? Io::cancelled : Io::ok;
    if (cancelled || fd >= 0) return fd;
  }
}

}  // namespace hawser::sdk
