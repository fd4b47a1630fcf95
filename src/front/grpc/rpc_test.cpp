#include "front/grpc/rpc.hpp"

#include <gtest/gtest.h>

namespace hawser::front::grpc {
namespace {

std::string framed(std::string_view message, char flag = 0) {
  std::string out(1, flag);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(message.size() >> shift & 0xff));
  }
  return out.append(message);
}

class RpcTest : public testing::Test {
 protected:
  net::asio::io_context loop{1};
  net::Reactor reactor{loop};
  std::vector<std::string> seen{};
  bool over = false;

  Task<> read_all(Rpc& rpc) {
    for (;;) {
      auto message = co_await rpc.read();
      if (!message) break;
      seen.push_back(std::move(*message));
    }
    over = true;
  }
};

TEST_F(RpcTest, MessagesAreTheSameHoweverTheyAreCut) {
  const std::string bytes = framed("one") + framed("") + framed(std::string(300, 'x'));
  for (const std::size_t cut : {1U, 2U, 7U, 1000U}) {
    Rpc rpc(reactor);
    seen.clear();
    over = false;
    spawn(read_all(rpc), [](std::exception_ptr) {});
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
      ASSERT_TRUE(rpc.take_in(std::string_view(bytes).substr(at, cut), 1000));
    }
    rpc.end_of_input();
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "", std::string(300, 'x')})) << cut;
    EXPECT_TRUE(over);
  }
}

TEST_F(RpcTest, CompressedAndLongMessagesAreRefused) {
  Rpc compressed(reactor), large(reactor);
  EXPECT_FALSE(compressed.take_in(framed("x", 1), 1000));
  EXPECT_FALSE(large.take_in(framed(std::string(1001, 'x')), 1000));
}

TEST_F(RpcTest, WhatIsWrittenComesOutFramed) {
  Rpc rpc(reactor);
  int told = 0;
  rpc.on_output = [&] { ++told; };
  rpc.write("hello");
  char out[64];
  EXPECT_EQ(
      std::string(out, rpc.take_out(out, 3)) + std::string(out + 3, rpc.take_out(out + 3, 60)),
      framed("hello"));
  EXPECT_TRUE(rpc.drained());
  rpc.end({});
  rpc.write("late");
  EXPECT_TRUE(rpc.drained());
  EXPECT_EQ(told, 2);
}

TEST_F(RpcTest, TheEndOfACallIsToldOnce) {
  Rpc rpc(reactor);
  std::vector<Rpc::Over> told;
  rpc.on_over = [&](Rpc::Over how) { told.push_back(how); };
  rpc.finish(Rpc::Over::lost);
  rpc.finish(Rpc::Over::cancelled);
  EXPECT_EQ(told, std::vector<Rpc::Over>{Rpc::Over::lost});
  EXPECT_TRUE(rpc.has_room()) << "nobody waits for a call that is over";
}

}  // namespace
}  // namespace hawser::front::grpc
