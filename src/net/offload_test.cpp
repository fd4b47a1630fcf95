#include "net/offload.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <mutex>

#include "net/worker_turn.hpp"

namespace hawser::net {
namespace {

struct Loop {
  boost::asio::io_context context;
  Reactor reactor{context};
};

void rethrow(std::exception_ptr bug) {
  std::rethrow_exception(bug);
}

Task<> offloaded(Offload& offload, Reactor& reactor, std::size_t size, std::thread::id& ran_on,
                 int& over) {
  auto work = [&ran_on] { ran_on = std::this_thread::get_id(); };
  const Cancellation never;
  const auto done = co_await offload.run_if_long(reactor, nullptr, size, work, never);
  EXPECT_TRUE(done);
  if (++over == 2) reactor.stop();
}

TEST(Offload, RunsWhatIsLongOnAnotherThreadAndComesBack) {
  Loop loop;
  Offload offload(1);
  std::thread::id long_one, short_one;
  int over = 0;
  spawn(offloaded(offload, loop.reactor, Offload::on_worker_max + 1, long_one, over), rethrow);
  EXPECT_EQ(over, 0);
  spawn(offloaded(offload, loop.reactor, Offload::on_worker_max, short_one, over), rethrow);
  EXPECT_EQ(over, 1);
  loop.reactor.run();
  EXPECT_EQ(over, 2);
  EXPECT_EQ(short_one, std::this_thread::get_id());
  EXPECT_NE(long_one, std::thread::id());
  EXPECT_NE(long_one, std::this_thread::get_id());
}

Task<> offloaded_last(Offload& offload, Reactor& reactor, const void* who) {
  auto work = [] {};
  const Cancellation never;
  (void)co_await offload.run(reactor, who, work, never);
  reactor.stop();
}

TEST(Offload, EndsWithoutWhatItDidNotBegin) {
  Loop loop;
  std::thread::id ran_on;
  int over = 0;
  { Offload offload(0); }
  Offload offload(1);
  spawn(offloaded(offload, loop.reactor, 1 << 20, ran_on, over), rethrow);
  spawn(offloaded(offload, loop.reactor, 1 << 20, ran_on, over), rethrow);
  loop.reactor.run();
  EXPECT_EQ(over, 2);
}

Task<> offloaded_for_nobody(Offload& offload, Reactor& reactor, Cancellation& cancellation,
                            int& ran) {
  auto work = [&ran] { ++ran; };
  auto running = offload.run(reactor, nullptr, work, cancellation);
  cancellation.cancel();
  const auto done = co_await std::move(running);
  EXPECT_EQ(ran, 1) << "what it uses must not be gone before it is over";
  EXPECT_EQ(done ? Code::internal : done.error().code, Code::cancelled);
  auto short_work = [&ran] { ++ran; };
  const auto later = co_await offload.run_if_long(reactor, nullptr, 1, short_work, cancellation);
  EXPECT_EQ(later ? Code::internal : later.error().code, Code::cancelled);
  reactor.stop();
}

TEST(Offload, TellsBehindTheWorkThatNobodyWaitsForIt) {
  Loop loop;
  Offload offload(1);
  Cancellation cancellation;
  int ran = 0;
  spawn(offloaded_for_nobody(offload, loop.reactor, cancellation, ran), rethrow);
  loop.reactor.run();
  EXPECT_EQ(ran, 2);
}

Task<> asked(Offload& offload, Reactor& reactor, const void* who, char name, std::string& order) {
  auto work = [&] { order.push_back(name); };
  const Cancellation never;
  (void)co_await offload.run(reactor, who, work, never);
}

Task<> asked_last(Offload& offload, Reactor& reactor, const void* who, std::mutex& begin) {
  auto work = [&] { const std::lock_guard wait(begin); };
  const Cancellation never;
  (void)co_await offload.run(reactor, who, work, never);
}

TEST(Offload, LetsThoseWhoAskTakeTurns) {
  Loop loop;
  std::string order;
  std::mutex begin;
  const int one = 1, other = 2;
  Offload offload(1);
  begin.lock();  // its thread stands here until all have asked
  spawn(asked_last(offload, loop.reactor, &one, begin), rethrow);
  for (int i = 0; i < 4; ++i) spawn(asked(offload, loop.reactor, &one, 'a', order), rethrow);
  for (int i = 0; i < 2; ++i) spawn(asked(offload, loop.reactor, &other, 'b', order), rethrow);
  spawn(offloaded_last(offload, loop.reactor, &one), rethrow);
  begin.unlock();
  loop.reactor.run();
  // Whoever was first: the other one does not wait behind all that the first asked for.
  EXPECT_TRUE(order == "ababaa" || order == "babaaa") << order;
}

/// Walks through `pieces` pieces, and notes each.
Task<> walk(Reactor& reactor, char name, int pieces, std::string& order, int& left) {
  WorkerTurn turn(reactor);
  for (int i = 0; i < pieces; ++i) {
    order.push_back(name);
    co_await turn.spend(WorkerTurn::turn_bytes);
  }
  if (--left == 0) reactor.stop();
}

TEST(WorkerTurn, LetsOthersHaveTheirTurnBetweenPieces) {
  Loop loop;
  std::string order;
  int left = 3, posted_at = -1;
  for (const char name : {'a', 'b', 'c'}) {
    spawn(walk(loop.reactor, name, 3, order, left), rethrow);
  }
  EXPECT_EQ(order, "abc");
  loop.reactor.post([&] { posted_at = static_cast<int>(order.size()); });
  loop.reactor.run();
  EXPECT_EQ(order, "abcabcabc");
  EXPECT_EQ(posted_at, 6) << "between their second and their third piece";
}

TEST(WorkerTurn, CostsShortWorkNoWait) {
  Loop loop;
  std::string order;
  WorkerTurn turn(loop.reactor);
  auto short_work = turn.spend(1000);
  EXPECT_TRUE(short_work.await_ready());
}

}  // namespace
}  // namespace hawser::net
