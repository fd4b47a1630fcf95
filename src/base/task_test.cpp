#include "base/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace hawser {
namespace {

/// Waits until the test says go.
struct Gate {
  std::coroutine_handle<> waiting{};
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) { waiting = handle; }
  void await_resume() const {}
  void open() { std::exchange(waiting, {}).resume(); }
};

void no_bug(std::exception_ptr) {
  FAIL() << "an exception left the task";
}

Task<int> at_hand() {
  return 7;
}
Task<int> at_once() {
  co_return 8;
}
Task<std::string> after(Gate& gate, std::string text) {
  co_await gate;
  co_return text + "!";
}
Task<> collect(Gate& gate, std::string& out) {
  const int first = co_await at_hand();
  const int second = co_await at_once();
  std::string text("later");
  out = std::to_string(first + second) + co_await after(gate, std::move(text));
}

TEST(Task, GivesValuesThatAreThereAtOnceAndThoseThatComeLater) {
  Gate gate;
  std::string out;
  spawn(collect(gate, out), no_bug);
  EXPECT_EQ(out, "");
  gate.open();
  EXPECT_EQ(out, "15later!");
}

TEST(Task, ThatIsNeverAwaitedNeverRuns) {
  Gate gate;
  std::string out;
  { const Task<> dropped = collect(gate, out); }
  EXPECT_FALSE(gate.waiting);
}

Task<> many_rounds(Gate& gate, int& rounds) {
  co_await gate;
  for (; rounds < 1'000'000; ++rounds) co_await at_once();
}

TEST(Task, LoopsOverResultsAtHandDoNotGrowTheStack) {
  Gate gate;
  int rounds = 0;
  spawn(many_rounds(gate, rounds), no_bug);
  gate.open();
  EXPECT_EQ(rounds, 1'000'000);
}

Task<> fail(Gate& gate) {
  co_await gate;
  throw std::runtime_error("a bug");
}
Task<> pass_on(Gate& gate) {
  co_await fail(gate);
}
int bugs = 0;

TEST(Task, ExceptionsTravelUpToWhoSpawned) {
  Gate gate;
  spawn(pass_on(gate), [](std::exception_ptr bug) {
    EXPECT_THROW(std::rethrow_exception(bug), std::runtime_error);
    ++bugs;
  });
  EXPECT_EQ(bugs, 0);
  gate.open();
  EXPECT_EQ(bugs, 1);
}

Task<> hold(Gate& gate, std::shared_ptr<int> held) {
  co_await gate;
  *held += 1;
}

TEST(Task, LetsGoOfItsParametersWhenItEnds) {
  Gate gate;
  const auto held = std::make_shared<int>(1);
  spawn(hold(gate, held), no_bug);
  EXPECT_EQ(held.use_count(), 2);
  gate.open();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 2);
}

}  // namespace
}  // namespace hawser
