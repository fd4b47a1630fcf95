#include "http/body_reader.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

namespace hawser::http {
namespace {

using net::IoStatus;
using wire::Framing;

void no_bug(std::exception_ptr) {
  FAIL() << "an exception left the task";
}

/// One body that comes over a socket, read by somebody who wants whole lines only.
class Lines {
 public:
  Lines(Framing framing, std::uint64_t length) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    peer_ = ends[0];
    stream_.emplace(reactor_, ends[1]);
    in_.emplace(blocks_);
    body_.emplace(*stream_, *in_);
    body_->begin(framing, length);
    reactor_.start();
    spawn(read(), no_bug);
  }
  ~Lines() {
    close();
    reactor_.cancel_all();
    reactor_.stop();
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      loop_.poll();
    }
  }
  void close() {
    if (peer_ >= 0) ::close(std::exchange(peer_, -1));
    loop_.poll();
  }

  std::string text;      // what was read
  bool whole = true;     // each piece but the last ended with its line
  std::string end{"-"};  // "end", or the error's name

 private:
  Task<> read() {
    for (;;) {
      auto piece = body_->next_now();
      if (!piece) {
        end = name_of(piece.error().code);
        co_return;
      }
      if (piece->bytes.empty() && !piece->last) {
        const IoStatus waited = co_await body_->wait(Clock::time_point::max());
        if (waited != IoStatus::ok) co_return;
        continue;
      }
      std::string_view bytes = piece->bytes;
      if (!piece->last) {
        const std::size_t lines = bytes.rfind('\n') + 1;
        body_->take_back(bytes.size() - lines);
        bytes = bytes.substr(0, lines);
        whole = whole && (bytes.empty() || bytes.back() == '\n');
      }
      text += bytes;
      if (piece->last) {
        end = "end";
        co_return;
      }
    }
  }

  boost::asio::io_context loop_{1};
  net::Reactor reactor_{loop_};
  net::BlockPool blocks_;
  int peer_ = -1;
  std::optional<net::Stream> stream_;
  std::optional<net::InBuffer> in_;
  std::optional<BodyReader> body_;
};

const std::string content = "one\ntwo, longer\n\nthree\nand no line end";

std::string in_chunks(std::string_view text, std::size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string wire;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
    const std::size_t n = std::min(size, text.size());
    wire += {digits[n / 16], digits[n % 16]};
    wire.append("\r\n").append(text.substr(0, n)).append("\r\n");
  }
  return wire + "0\r\n\r\n";
}

void expect_lines(Framing framing, const std::string& wire, std::size_t first, std::size_t second) {
  Lines lines(framing, content.size());
  lines.send(wire.substr(0, first));
  lines.send(wire.substr(first, second - first));
  lines.send(wire.substr(second));
  if (framing == Framing::until_close) lines.close();
  EXPECT_EQ(lines.text, content) << first << ", " << second;
  EXPECT_EQ(lines.end, "end") << first << ", " << second;
  EXPECT_TRUE(lines.whole) << first << ", " << second;
}

TEST(BodyReaderTakesBack, HoweverEachFramingIsCut) {
  const std::pair<Framing, std::string> bodies[] = {{Framing::chunked, in_chunks(content, 5)},
                                                    {Framing::chunked, in_chunks(content, 99)},
                                                    {Framing::length, content},
                                                    {Framing::until_close, content}};
  for (const auto& [framing, wire] : bodies) {
    for (std::size_t first = 0; first <= wire.size(); ++first) {
      for (std::size_t second = first; second <= wire.size(); second += 3) {
        expect_lines(framing, wire, first, second);
      }
    }
  }
}

TEST(BodyReaderTakesBack, ByteAfterByte) {
  Lines lines(Framing::chunked, 0);
  for (const char byte : in_chunks(content, 7)) lines.send({&byte, 1});
  EXPECT_EQ(lines.text, content);
  EXPECT_EQ(lines.end, "end");
}

TEST(BodyReaderTakesBack, LinesThatCrossTheBlocks) {
  std::string long_content;
  for (int i = 0; i < 2000; ++i) {
    long_content += std::to_string(i).append(static_cast<std::size_t>(i % 61), 'x') + "\n";
  }
  Lines lines(Framing::chunked, 0);
  lines.send(in_chunks(long_content, 97));
  EXPECT_EQ(lines.text, long_content);
  EXPECT_TRUE(lines.whole);
  EXPECT_EQ(lines.end, "end");
}

TEST(BodyReaderTakesBack, AndTellsABreak) {
  Lines cut(Framing::chunked, 0);
  cut.send("5\r\none\nt\r\n");
  cut.close();
  EXPECT_EQ(cut.text, "one\n");
  EXPECT_EQ(cut.end, "connection");

  Lines malformed(Framing::chunked, 0);
  malformed.send("5\r\none\nt\r\nzz\r\n");
  EXPECT_EQ(malformed.text, "one\n");
  EXPECT_EQ(malformed.end, "invalid_request");
}

}  // namespace
}  // namespace hawser::http
