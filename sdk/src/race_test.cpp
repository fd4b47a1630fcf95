#include "race.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <thread>

namespace hawser::sdk {
namespace {

using namespace std::chrono_literals;

/// A listening socket on loopback.
class Listener {
 public:
  explicit Listener(int backlog) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto* const in = reinterpret_cast<sockaddr_in*>(&address.bytes);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof *in;
    ::bind(fd_, reinterpret_cast<const sockaddr*>(in), address.size);
    ::listen(fd_, backlog);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(in), &address.size);
  }
  ~Listener() {
    close();
    for (const int fd : fillers_) ::close(fd);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// From now on what comes is dropped: nobody accepts.
  void fill() {
    for (int i = 0; i < 4; ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address.bytes), address.size);
      fillers_.push_back(fd);
    }
    std::this_thread::sleep_for(50ms);
  }
  Address address{};

 private:
  int fd_;
  std::vector<int> fillers_{};
};

struct Raced {
  int fd = -1;
  Io status = Io::ok;
  std::chrono::milliseconds took{};
  ~Raced() {
    if (fd >= 0) ::close(fd);
  }
};

void race(const std::vector<Address>& addresses, std::chrono::milliseconds patience,
          const CancelToken* cancel, Raced& raced) {
  const auto begun = Clock::now();
  raced.fd = connect_first(addresses, begun + patience, cancel, raced.status);
  raced.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
}

TEST(ConnectFirst, GoesOnBehindARefusalAtOnce) {
  Listener gone(1), there(8);
  gone.close();
  Raced raced;
  race({gone.address, there.address}, 5s, nullptr, raced);
  EXPECT_GE(raced.fd, 0);
  EXPECT_EQ(raced.status, Io::ok);
  EXPECT_LT(raced.took, 200ms);
}

TEST(ConnectFirst, FailsAtOnceWhereAllRefuse) {
  Listener one(1), two(1);
  one.close();
  two.close();
  Raced raced;
  race({one.address, two.address}, 5s, nullptr, raced);
  EXPECT_LT(raced.fd, 0);
  EXPECT_EQ(raced.status, Io::failed);
  EXPECT_LT(raced.took, 1s);
  Raced none;
  race({}, 5s, nullptr, none);
  EXPECT_EQ(none.status, Io::failed);
}

TEST(ConnectFirst, DoesNotWaitForAnAddressThatKeepsSilent) {
  Listener silent(0), there(8);
  silent.fill();
  Raced raced;
  race({silent.address, there.address}, 10s, nullptr, raced);
  EXPECT_GE(raced.fd, 0);
  EXPECT_LT(raced.took, 900ms) << "the kernel would repeat its first packet only behind a second";
}

TEST(ConnectFirst, EndsInTimeAndWhenCancelled) {
  Listener silent(0);
  silent.fill();
  Raced late;
  race({silent.address}, 300ms, nullptr, late);
  EXPECT_LT(late.fd, 0);
  EXPECT_EQ(late.status, Io::timeout);
  EXPECT_GE(late.took, 300ms);

  CancelToken cancel;
  std::thread ender([&cancel] {
    std::this_thread::sleep_for(100ms);
    cancel.cancel();
  });
  Raced stopped;
  race({silent.address}, 10s, &cancel, stopped);
  ender.join();
  EXPECT_EQ(stopped.status, Io::cancelled);
  EXPECT_LT(stopped.took, 5s);
}

}  // namespace
}  // namespace hawser::sdk
