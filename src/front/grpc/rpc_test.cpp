#include "front/grpc/rpc.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>

namespace hawser::front::grpc {
namespace {

std::string framed(std::string_view message, char flag = 0) {
  std::string out(1, flag);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(message.size() >> shift & 0xff));
  }
  return out.append(message);
}

constexpr std::size_t message_max = 1000;

class RpcTest : public testing::Test {
 protected:
  net::asio::io_context loop{1};
  net::Reactor reactor{loop};
  std::vector<std::string> seen{};
  bool over = false;
  std::size_t sent = 0;

  Rpc::Bounds bounds() const { return {.message_max = message_max}; }
  Task<> read_all(Rpc& rpc) {
    for (;;) {
      auto message = co_await rpc.read();
      if (!message) break;
      seen.push_back(std::move(message->bytes));
    }
    over = true;
  }
  Task<> read_one(Rpc& rpc) {
    auto message = co_await rpc.read();
    if (message) seen.push_back(std::move(message->bytes));
    over = !message;
  }
  /// Writes for ever, as one who does not care whether anybody reads.
  Task<> write_on(Rpc& rpc, std::string message) {
    for (bool heard = true; heard;) {
      heard = co_await rpc.write(message);
      if (heard) ++sent;
    }
    over = true;
  }
  static Task<> write_one(Rpc& rpc, const std::string& message, bool& heard) {
    heard = co_await rpc.write(message);
  }
  static Task<> write_in_turn(Rpc& rpc, const std::string& message, std::vector<char>& order) {
    const bool heard = co_await rpc.write(message);
    if (heard) order.push_back(message.front());
  }
  static void run(Task<> task) {
    spawn(std::move(task), [](std::exception_ptr) { FAIL() << "a bug left it"; });
  }
};

TEST_F(RpcTest, MessagesAreTheSameHoweverTheyAreCut) {
  const std::string bytes = framed("one") + framed("") + framed(std::string(300, 'x'));
  for (const std::size_t cut : {1U, 2U, 7U, 1000U}) {
    Rpc rpc(reactor, {}, bounds());
    seen.clear();
    over = false;
    run(read_all(rpc));
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
      rpc.take_in(std::string_view(bytes).substr(at, cut));
    }
    rpc.end_of_input();
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "", std::string(300, 'x')})) << cut;
    EXPECT_TRUE(over);
  }
}

TEST_F(RpcTest, WhatIsNoMessageEndsTheCallWithItsStatus) {
  const auto ended_by = [this](const std::string& bytes) {
    Rpc rpc(reactor, {}, bounds());
    run(read_all(rpc));
    rpc.take_in(bytes);
    EXPECT_TRUE(over);
    return rpc.ending() ? rpc.ending()->status : Status::ok;
  };
  EXPECT_EQ(ended_by(framed("x", 1)), Status::unimplemented) << "compressed";
  EXPECT_EQ(ended_by(framed("x", 2)), Status::internal);
  EXPECT_EQ(ended_by(framed(std::string(message_max + 1, 'x'))), Status::resource_exhausted);
}

TEST_F(RpcTest, APackedMessageIsUnpackedWithinItsBounds) {
  const auto gzip = [](const std::string& plain) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(plain.size() + 100, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  };
  net::ConnectionBudget budget(2000, {});
  Rpc::Bounds with_budget = bounds();
  with_budget.budget = &budget;
  const auto read = [&](const std::string& bytes) {
    seen.clear();
    over = false;
    Rpc rpc(reactor, {.coding = coding::Coding::gzip}, with_budget);
    run(read_all(rpc));
    rpc.take_in(bytes);
    const Status status = rpc.ending() ? rpc.ending()->status : Status::ok;
    rpc.finish(Rpc::Over::lost);  // the one who reads ends
    return status;
  };
  const std::string plain(900, 'x');
  EXPECT_EQ(read(framed(gzip(plain), 1) + framed("plain")), Status::ok);
  EXPECT_EQ(seen, (std::vector<std::string>{plain, "plain"}));
  EXPECT_EQ(read(framed(gzip(std::string(message_max + 1, 'x')), 1)), Status::resource_exhausted);
  EXPECT_EQ(read(framed("no gzip", 1)), Status::internal);
  EXPECT_EQ(read(framed(gzip(plain).substr(0, 15), 1)), Status::internal) << "its end is missing";
  EXPECT_EQ(budget.held(), 0U);
}

TEST_F(RpcTest, TheClientsWindowIsGivenBackWhenAMessageIsTaken) {
  Rpc rpc(reactor, {}, bounds());
  std::size_t back = 0;
  rpc.on_taken = [&](std::size_t bytes) { back += bytes; };
  rpc.take_in(framed("one") + framed("two") + framed("three"));
  EXPECT_EQ(back, 0U) << "nobody asked for any of them";
  run(read_one(rpc));
  EXPECT_EQ(back, framed("one").size());
  EXPECT_EQ(seen, std::vector<std::string>{"one"});
  rpc.end({});
  EXPECT_EQ(back, framed("one").size() + framed("two").size() + framed("three").size())
      << "what nobody will ask for any more is dropped";
  rpc.take_in("more");
  EXPECT_EQ(back, framed("one").size() + framed("two").size() + framed("three").size() + 4);
}

TEST_F(RpcTest, ALongMessageThatIsWaitedForGetsItsWindow) {
  Rpc rpc(reactor, {}, bounds());
  std::size_t back = 0;
  rpc.on_taken = [&](std::size_t bytes) { back += bytes; };
  const std::string bytes = framed(std::string(900, 'x'));
  run(read_one(rpc));
  rpc.take_in(std::string_view(bytes).substr(0, 500));
  EXPECT_EQ(back, 500U) << "else the rest could not come";
  rpc.take_in(std::string_view(bytes).substr(500));
  EXPECT_EQ(back, bytes.size()) << "each byte counts once";
  EXPECT_EQ(seen.size(), 1U);
}

TEST_F(RpcTest, WhatAConnectionMayHoldIsTakenBeforeTheMessageIsThere) {
  net::ConnectionBudget budget(1200, {});
  Rpc::Bounds both = bounds();
  both.budget = &budget;
  Rpc one(reactor, {}, both), other(reactor, {}, both);
  run(read_all(one));
  one.take_in(framed(std::string(700, 'x')).substr(0, 10));
  EXPECT_EQ(budget.held(), 700U);
  run(read_all(other));
  other.take_in(framed(std::string(600, 'x')).substr(0, 10));
  ASSERT_TRUE(other.ending());
  EXPECT_EQ(other.ending()->status, Status::resource_exhausted);
  one.end({});
  EXPECT_EQ(budget.held(), 0U);
}

TEST_F(RpcTest, WhatIsWrittenComesOutFramed) {
  Rpc rpc(reactor, {}, bounds());
  int told = 0;
  rpc.on_output = [&] { ++told; };
  const std::string hello = "hello", late = "late";
  bool heard = false;
  run(write_one(rpc, hello, heard));
  EXPECT_TRUE(heard);
  char out[64];
  EXPECT_EQ(
      std::string(out, rpc.take_out(out, 3)) + std::string(out + 3, rpc.take_out(out + 3, 60)),
      framed("hello"));
  EXPECT_TRUE(rpc.drained());
  rpc.end({});
  run(write_one(rpc, late, heard));
  EXPECT_FALSE(heard) << "behind its status a call has no messages";
  EXPECT_TRUE(rpc.drained());
  EXPECT_EQ(told, 2);
}

TEST_F(RpcTest, WhoWritesWaitsForWhoReads) {
  Rpc rpc(reactor, {}, bounds());
  const std::string message(1000, 'x');
  run(write_on(rpc, message));
  const std::size_t fits = Rpc::room_max / framed(message).size() + 1;
  EXPECT_EQ(sent, fits) << "and no more, however often it is asked";
  std::string out(10 * framed(message).size(), '\0');
  rpc.take_out(out.data(), out.size());
  EXPECT_GT(sent, fits);
  EXPECT_LE(sent, fits + 10);
  rpc.finish(Rpc::Over::lost);
  EXPECT_TRUE(over);
}

TEST_F(RpcTest, ManyWaitAtOnceAndHaveTheirTurns) {
  Rpc rpc(reactor, {}, bounds());
  std::vector<char> order;
  std::vector<std::string> texts;
  for (const char c : {'a', 'b', 'c', 'd'}) texts.emplace_back(Rpc::room_max, c);
  run(read_all(rpc));  // reads beside them, as a tunnel does
  for (const auto& text : texts) run(write_in_turn(rpc, text, order));
  EXPECT_EQ(order, std::vector<char>{'a'});
  std::string out(Rpc::room_max, '\0');
  for (int i = 0; i < 10; ++i) rpc.take_out(out.data(), out.size());
  EXPECT_EQ(order, (std::vector<char>{'a', 'b', 'c', 'd'}));
  EXPECT_FALSE(over) << "the one who reads still does";
  rpc.take_in(framed("x"));
  EXPECT_EQ(seen, std::vector<std::string>{"x"});
  rpc.finish(Rpc::Over::lost);  // the one who reads ends
}

TEST_F(RpcTest, TheEndOfACallIsToldOnce) {
  Rpc rpc(reactor, {}, bounds());
  std::vector<Rpc::Over> told;
  rpc.on_over = [&](Rpc::Over how) { told.push_back(how); };
  rpc.finish(Rpc::Over::lost);
  rpc.finish(Rpc::Over::cancelled);
  EXPECT_EQ(told, std::vector<Rpc::Over>{Rpc::Over::lost});
}

}  // namespace
}  // namespace hawser::front::grpc
