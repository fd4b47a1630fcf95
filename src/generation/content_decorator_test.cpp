// Who changes the bytes of a content passes on everything else that is asked of it.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <type_traits>

#include "generation/read_beside.hpp"

namespace hawser::generation {
namespace {

struct Asked {
  const net::Companion* led_to = nullptr;
  bool cancelled = false;
};

class Told final : public Content {
 public:
  explicit Told(Asked& asked) : asked_(asked) {}
  Task<Result<net::Piece>> next() override {
    return Result<net::Piece>(net::Piece{.bytes = "a", .last = true});
  }
  void lead_to(const net::Companion* next) override { asked_.led_to = next; }
  dialect::Usage usage() const override { return {.known = true, .input = 7}; }
  bool finished() const override { return true; }
  bool spliced() const override { return true; }
  void cancel() override { asked_.cancelled = true; }

 private:
  Asked& asked_;
};

/// As the filter and the guards do it: what comes is read beside.
class Holding final : public ContentDecorator {
 public:
  Holding(net::Reactor& reactor, std::unique_ptr<Content> content)
      : source_(reactor, std::move(content)) {}
  Task<Result<net::Piece>> next() override { return Result<net::Piece>(net::Piece{}); }
  bool held = false;

  /// Reads without giving it out.
  void read() {
    auto reading = read_on();
    spawn(std::move(reading), [](std::exception_ptr) {});
  }

 private:
  Task<> read_on() {
    const auto piece = co_await source_.next(Clock::time_point::max());
    EXPECT_TRUE(piece && *piece && (*piece)->bytes == "a");
    held = true;
  }
  Content& content() override { return source_.content(); }
  const Content& content() const override { return source_.content(); }
  bool holds_back() const override { return source_.holds_back() || held; }

  ReadBeside source_;
};

struct Next final : net::Companion {
  void prefetch(int) const override {}
};

TEST(ContentDecorator, PassesOnWhatIsAskedOfIt) {
  boost::asio::io_context loop(1);
  net::Reactor reactor(loop);
  Asked asked;
  Next next;
  {
    Holding holding(reactor, std::make_unique<Told>(asked));
    holding.lead_to(&next);
    EXPECT_EQ(asked.led_to, &next);
    EXPECT_EQ(holding.usage().input, 7u);
    EXPECT_TRUE(holding.spliced());
    EXPECT_TRUE(holding.finished());
    holding.cancel();
    EXPECT_TRUE(asked.cancelled);
  }
  // What reads on outlives who asked for it, and whom that led to.
  EXPECT_EQ(asked.led_to, nullptr);
}

TEST(ContentDecorator, IsNotFinishedWhileItHoldsSomethingBack) {
  boost::asio::io_context loop(1);
  net::Reactor reactor(loop);
  Asked asked;
  Holding holding(reactor, std::make_unique<Told>(asked));
  holding.read();
  loop.run_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(holding.held);
  EXPECT_FALSE(holding.finished());
  holding.held = false;
  EXPECT_TRUE(holding.finished());
}

/// A new member of Content has no default: whoever forgets it does not compile.
struct Forgets : Content {
  Task<Result<net::Piece>> next() override { return Result<net::Piece>(net::Piece{}); }
  void lead_to(const net::Companion*) override {}
  dialect::Usage usage() const override { return {}; }
  bool spliced() const override { return false; }
  void cancel() override {}
};
static_assert(std::is_abstract_v<Forgets>);
static_assert(std::is_abstract_v<ContentDecorator>);

}  // namespace
}  // namespace hawser::generation
