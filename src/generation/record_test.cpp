#include "generation/record.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "generation/shelf.hpp"

namespace hawser::generation {
namespace {

void no_bug(std::exception_ptr) {
  FAIL() << "an exception left the task";
}

class RecordTest : public testing::Test {
 protected:
  RecordPtr begin(std::size_t log_max = 8 * 1024 * 1024) {
    Record::Limits limits;
    limits.grace = 1000ms;
    limits.log_max = log_max;
    limits.detached_max = 100;
    auto record = shelf_.add({"tenant", "key"}, dialect::Api::chat, limits);
    AnswerHead head;
    head.event_stream = true;
    record->begin(std::move(head));
    return record;
  }
  /// Reads to the end into `out`; an error becomes its name.
  Task<> read_all(RecordPtr record, std::string& out) {
    LocalReader reader(reactor_, record, 0);
    for (;;) {
      const auto batch = reader.next();
      if (!batch) {
        out += name_of(batch.error().code);
        co_return;
      }
      out += batch->run.bytes;
      if (batch->last) {
        reader.delivered();
        co_return;
      }
      if (batch->run.count == 0) co_await reader.wait(Clock::time_point::max());
    }
  }
  /// The same over a socket that takes one batch each time it is completed.
  Task<> read_slowly(RecordPtr record, net::Waiter& socket, std::string& out) {
    LocalReader reader(reactor_, record, 0);
    for (bool last = false; !last;) {
      const auto batch = reader.next();
      out += batch ? std::string(batch->run.bytes) : name_of(batch.error().code);
      last = !batch || batch->last;
      if (last) break;
      if (batch->run.count > 0) {
        co_await socket.wait(Clock::time_point::max());
      } else {
        co_await reader.wait(Clock::time_point::max());
      }
    }
    out += "end";
  }
  /// A provider that has all of it at once.
  Task<> write_all(RecordPtr record, std::string text, int times) {
    for (int i = 0; i < times; ++i) {
      frame(record, text);
      if (!record->full()) continue;
      net::Waiter room(reactor_);
      record->room = &room;
      co_await room.wait(Clock::time_point::max());
      record->room = nullptr;
    }
    record->end(State::done, nullptr, {});
  }
  static void frame(const RecordPtr& record, const std::string& text) {
    record->append("data: " + text + "\n\n", 1);
  }

  boost::asio::io_context loop_{1};
  net::Reactor reactor_{loop_};
  Directory directory_{1};
  Shelf shelf_{reactor_, 0};
};

TEST_F(RecordTest, ReaderAndWriterNeverWaitForEachOther) {
  for (const std::size_t size : {10u, 300u, 5000u, 70'000u}) {
    const std::string text(size, 'x');
    const auto record = begin(1024);
    net::Waiter socket(reactor_);
    std::string slow;
    spawn(read_slowly(record, socket, slow), no_bug);
    spawn(write_all(record, text, 200), no_bug);
    for (int i = 0; i < 1000 && !slow.ends_with("end"); ++i) socket.complete(net::IoStatus::ok);
    EXPECT_EQ(slow.size(), 200 * (size + 8) + 3) << size;
    EXPECT_TRUE(slow.ends_with("end")) << size;
  }
}

TEST_F(RecordTest, AnEventBeyondTheLimitWaitsForNobodyWhoHasIt) {
  const auto record = begin(1024);
  std::string out;
  spawn(read_all(record, out), no_bug);
  frame(record, std::string(10'000, 'x'));
  EXPECT_FALSE(record->full());
  record->end(State::done, nullptr, {});
  EXPECT_EQ(out.size(), 10'008u);
}

TEST_F(RecordTest, EveryReaderGetsEverythingWheneverItComes) {
  const auto record = begin();
  std::string early, late;
  spawn(read_all(record, early), no_bug);
  frame(record, "1");
  frame(record, "2");
  spawn(read_all(record, late), no_bug);
  frame(record, "3");
  record->end(State::done, nullptr, {});
  EXPECT_EQ(early, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
  EXPECT_EQ(late, early);
  EXPECT_TRUE(record->delivered());
}

TEST_F(RecordTest, AFailureComesBehindWhatWasThere) {
  const auto record = begin();
  std::string out;
  spawn(read_all(record, out), no_bug);
  frame(record, "1");
  const Error error{.code = Code::connection};
  record->end(State::failed, &error, {});
  EXPECT_EQ(out, "data: 1\n\nconnection");
  EXPECT_FALSE(record->delivered());
}

TEST_F(RecordTest, RunsOnWithoutAReaderForItsGraceAndNoLonger) {
  const auto record = begin();
  { LocalReader reader(reactor_, record, 0); }
  EXPECT_EQ(record->state(), State::detached);
  frame(record, "1");
  EXPECT_EQ(record->log().next(), 1u);
  shelf_.configure({.kept = 1000ms, .detached_per_key_max = 10, .delivered_max = 1 << 20});
  shelf_.tend(Clock::now());
  EXPECT_EQ(record->state(), State::detached);
  shelf_.tend(Clock::now() + 1100ms);
  EXPECT_EQ(record->state(), State::expired);
  shelf_.tend(Clock::now() + 3s);
  EXPECT_EQ(shelf_.size(), 0u);
}

TEST_F(RecordTest, AReaderThatComesBackEndsTheGrace) {
  const auto record = begin();
  { LocalReader reader(reactor_, record, 0); }
  LocalReader again(reactor_, record, 0);
  EXPECT_EQ(record->state(), State::running);
  EXPECT_EQ(record->deadline(), Clock::time_point::max());
}

TEST_F(RecordTest, MakesOnlySoMuchForNobody) {
  const auto record = begin();
  { LocalReader reader(reactor_, record, 0); }
  bool stopped = false;
  struct Stopped {
    bool& stopped;
    void cancel() { stopped = true; }
  } content{stopped};
  record->on_cancel(content);
  for (int i = 0; i < 200 && !record->ended(); ++i) frame(record, "x");
  EXPECT_EQ(record->state(), State::expired);
  EXPECT_TRUE(stopped);
}

TEST_F(RecordTest, BeyondItsLimitTheLogKeepsWhatAReaderLacks) {
  const auto record = begin(64 * 1024);
  LocalReader slow(reactor_, record, 0);
  std::string expected, got;
  for (int i = 0; i < 1000; ++i) {
    const std::string text(300, static_cast<char>('a' + i % 26));
    frame(record, text);
    expected += "data: " + text + "\n\n";
  }
  EXPECT_TRUE(record->full());
  record->end(State::done, nullptr, {});
  for (;;) {
    const auto batch = slow.next();
    ASSERT_TRUE(batch);
    got += batch->run.bytes;
    if (batch->last) break;
  }
  EXPECT_EQ(got, expected);
}

TEST_F(RecordTest, CancelEndsAWriterThatWaitsForRoom) {
  const auto record = begin(64 * 1024);
  LocalReader slow(reactor_, record, 0);
  net::Waiter room(reactor_);
  bool writer_ended = false;
  const auto writer = [](net::Waiter& waiter, bool& ended) -> Task<> {
    co_await waiter.wait(Clock::time_point::max());
    ended = true;
  };
  spawn(writer(room, writer_ended), no_bug);
  record->room = &room;
  struct Gone {
    void cancel() { FAIL() << "its content is gone with the writer"; }
  } content;
  record->on_cancel(content);
  record->cancel(State::cancelled);
  EXPECT_TRUE(writer_ended);
  record->room = nullptr;
  EXPECT_EQ(slow.next().error().code, Code::cancelled);
}

TEST_F(RecordTest, IsFoundByItsRequestOnlyWhileNobodyReadsIt) {
  const auto record = begin();
  const Fingerprint by{1, 2, 3};
  record->be_found(directory_, by);
  EXPECT_FALSE(directory_.take(by, false, true));
  { LocalReader reader(reactor_, record, 0); }
  EXPECT_EQ(directory_.take(by, true, true), record->id());
  EXPECT_FALSE(directory_.take(by, true, true)) << "once for each drop";
}

TEST_F(RecordTest, OfThoseWhoComeAtOnceOneLeads) {
  const auto first = begin(), second = begin();
  const Fingerprint by{7};
  first->be_found(directory_, by);
  second->be_found(directory_, by);
  EXPECT_FALSE(first->lead());
  EXPECT_EQ(second->lead(), first->id());
}

TEST_F(RecordTest, OneWithANameOfItsOwnIsFoundBehindItsEndWhileItIsKept) {
  auto record = begin();
  const Fingerprint by{9};
  record->be_found(directory_, by);
  EXPECT_FALSE(record->lead());
  directory_.keep_named(by, record->id());
  std::string out;
  spawn(read_all(record, out), no_bug);
  frame(record, "data: 1\n\n");
  record->end(State::done, nullptr, {});
  EXPECT_TRUE(record->delivered());
  EXPECT_EQ(directory_.take(by, false, true), record->id())
      << "its end may have been lost on its way";
  const std::string id(record->id());
  record.reset();
  shelf_.forget(id);
  EXPECT_FALSE(directory_.take(by, false, true));
}

TEST_F(RecordTest, OneThatFailedIsNotFoundByItsName) {
  const auto record = begin();
  const Fingerprint by{11};
  record->be_found(directory_, by);
  EXPECT_FALSE(record->lead());
  directory_.keep_named(by, record->id());
  const Error broke{.code = Code::upstream, .message = "it broke"};
  record->end(State::failed, &broke, {});
  EXPECT_FALSE(directory_.take(by, false, true));
}

TEST_F(RecordTest, DeliveredOnesMakeRoomForNewOnes) {
  shelf_.configure({.kept = 1h, .detached_per_key_max = 10, .delivered_max = 4 * 1024});
  for (int i = 0; i < 50; ++i) {
    const auto record = begin();
    std::string out;
    spawn(read_all(record, out), no_bug);
    frame(record, std::string(200, 'x'));
    record->end(State::done, nullptr, {});
  }
  EXPECT_LT(shelf_.size(), 10u);
  EXPECT_GT(shelf_.size(), 0u);
}

class BoundedLogs : public RecordTest {
 protected:
  // The logs give their bytes back to what is declared here, which ends before the shelf.
  ~BoundedLogs() override { shelf_.clear(); }

  static constexpr std::uint64_t most = 1024 * 1024;

  void bound(std::uint64_t per_key) {
    const net::ByteLimits limits{
        .process = 4 * most, .per_key = per_key, .per_connection = most, .logs = most};
    process_.set_limits(limits);
    bytes_.configure(limits);
    shelf_.account_to(bytes_);
    shelf_.configure({.kept = 1h, .detached_per_key_max = 100, .delivered_max = 100 * most});
  }
  net::ProcessBytes process_;
  net::WorkerBytes bytes_{process_};
};

TEST_F(BoundedLogs, StreamsThatNobodyReadsHoldNoMoreThanAllMay) {
  bound(4 * most);
  std::vector<RecordPtr> records;
  std::vector<std::unique_ptr<LocalReader>> readers;
  const std::string text(2'000, 'x');
  for (int i = 0; i < 60; ++i) {
    records.push_back(begin(16 * most));
    readers.push_back(std::make_unique<LocalReader>(reactor_, records.back(), 0));
  }
  bool all_full = false;
  for (int turn = 0; turn < 10'000 && !all_full; ++turn) {
    all_full = true;
    for (const auto& record : records) {
      if (record->full()) continue;  // its writer waits for the reader
      frame(record, text);
      all_full = false;
    }
  }
  EXPECT_TRUE(all_full);
  // One event each may be there that had come already.
  EXPECT_LE(bytes_.in_use(net::MemoryKind::generation_log), most + 60 * 2'100);

  // Who reads is served: what it reads makes room for what comes.
  std::string out;
  const auto honest = begin(16 * most);
  spawn(read_all(honest, out), no_bug);
  for (int i = 0; i < 1000; ++i) {
    frame(honest, text);
    EXPECT_FALSE(honest->full());
  }
  honest->end(State::done, nullptr, {});
  EXPECT_EQ(out.size(), 1000 * (text.size() + 8));
  readers.clear();
  records.clear();
  shelf_.clear();
}

TEST_F(BoundedLogs, EndedOnesMakeRoomForThoseUnderWay) {
  bound(4 * most);
  const std::string text(30'000, 'x');
  for (int i = 0; i < 100; ++i) {
    const auto record = begin(16 * most);
    for (int n = 0; n < 10; ++n) frame(record, text);
    record->end(State::done, nullptr, {});
    EXPECT_FALSE(record->log().short_of_memory()) << i;
  }
  EXPECT_LE(bytes_.in_use(net::MemoryKind::generation_log), most);
  EXPECT_GE(shelf_.size(), 2u) << "the last ones are kept";
}

TEST_F(BoundedLogs, AKeyThatHoldsAllItMayIsToldSo) {
  bound(most / 4);
  const auto record = begin(16 * most);
  LocalReader reader(reactor_, record, 0);
  for (int i = 0; i < 200; ++i) frame(record, std::string(2'000, 'x'));
  EXPECT_TRUE(record->full());
  const auto room = shelf_.room_for({"tenant", "key"});
  ASSERT_FALSE(room);
  EXPECT_EQ(room.error().code, Code::rate_limit);
  EXPECT_TRUE(shelf_.room_for({"tenant", "other"}));
  record->end(State::done, nullptr, {});
}

TEST(Ids, NameTheirWorker) {
  boost::asio::io_context loop(1);
  net::Reactor reactor(loop);
  Shelf shelf(reactor, 37);
  const auto record = shelf.add({}, dialect::Api::chat, {});
  EXPECT_EQ(Shelf::worker_of(record->id()), 37u);
  EXPECT_EQ(record->id().size(), Shelf::id_size);
  for (const auto bad : {"", "g-", "g-00short", "x-00b2054p1y8d839tbs07rbtzhag8",
                         "g-00b2054p1y8d839tbs07rbtzha/8"}) {
    EXPECT_FALSE(Shelf::worker_of(bad)) << bad;
  }
}

}  // namespace
}  // namespace hawser::generation
