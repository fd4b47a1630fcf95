#include "generation/remote.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace hawser::generation {
namespace {

void no_bug(std::exception_ptr) {
  FAIL() << "an exception left the task";
}

struct Worker {
  Worker(Directory& all, std::uint32_t index) : directory(all), shelf(reactor, index) {
    directory.place(index, shelf);
  }
  Directory& directory;
  boost::asio::io_context loop{1};
  net::Reactor reactor{loop};
  Shelf shelf;
};

/// Timers of the same slot come and go.
Task<> use_timers(net::Reactor& reactor, int times) {
  for (int i = 0; i < times; ++i) {
    net::Waiter waiter(reactor);
    reactor.post([&waiter] { waiter.complete(net::IoStatus::ok); });
    co_await waiter.wait(Clock::now() + 10s);
  }
}

Task<> ask(Worker& here, Ticket ticket, bool& found, std::atomic<bool>& goes_on) {
  Generations generations(here.directory, here.shelf);
  const auto status = co_await generations.status(ticket);
  found = status.has_value();
  co_await use_timers(here.reactor, 2);
  goes_on.store(true, std::memory_order_relaxed);
  co_await use_timers(here.reactor, 1000);
  here.reactor.stop();
}

Task<> open(Worker& here, Ticket ticket, int& status) {
  Generations generations(here.directory, here.shelf);
  net::Cancellation never;
  const auto opened = co_await generations.open(ticket, never, Clock::now() + 10s);
  if (!opened) status = opened.error().status;
  here.reactor.stop();
}

// Who was asked is busy with other things when the one who asked goes on: nothing of his may end
// over there (ThreadSanitizer looks on).
TEST(Remote, NothingOfWhoAsksEndsOnTheOtherThread) {
  Directory directory(2);
  Worker here(directory, 0), home(directory, 1);
  const Ticket ticket{
      .id = std::string(home.shelf.add({"tenant", "key"}, dialect::Api::chat, {})->id()),
      .owner = {"tenant", "key"}};
  std::atomic<bool> goes_on{false};
  bool found = false;
  spawn(ask(here, ticket, found, goes_on), no_bug);
  home.reactor.post([&] {
    while (!goes_on.load(std::memory_order_relaxed)) std::this_thread::yield();
  });
  std::thread other([&] { home.reactor.run(); });
  here.reactor.run();
  home.reactor.post([&] { home.reactor.stop(); });
  other.join();
  EXPECT_TRUE(found);
  home.shelf.clear();
}

TEST(Remote, WhatIsUnknownThereIsGone) {
  Directory directory(2);
  Worker here(directory, 0), home(directory, 1);
  Ticket ticket{.id = std::string(home.shelf.add({"tenant", "key"}, dialect::Api::chat, {})->id()),
                .owner = {"tenant", "key"}};
  ticket.id.back() = ticket.id.back() == '0' ? '1' : '0';
  int status = 0;
  std::thread other([&] { home.reactor.run(); });
  spawn(open(here, ticket, status), no_bug);
  here.reactor.run();
  home.reactor.post([&] { home.reactor.stop(); });
  other.join();
  EXPECT_EQ(status, 410);
  home.shelf.clear();
}

}  // namespace
}  // namespace hawser::generation
