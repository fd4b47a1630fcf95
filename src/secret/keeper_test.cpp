#include "secret/keeper.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hawser::secret {
namespace {

/// Takes connections and never says a word.
class Silent {
 public:
  Silent() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;
  ~Silent() { ::close(fd_); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

Keeper::Wanted wanted(const std::string& url, milliseconds timeout) {
  auto config = std::make_shared<SecretsConfig>();
  config->timeout = timeout;
  if (!url.empty()) {
    config->vault.emplace();
    config->vault->url = url;
    config->vault->token = Secret(std::string("t"));
  }
  Keeper::Wanted out;
  out.config = config;
  out.references.push_back(*parse_reference("vault", "secret/a#b"));
  return out;
}

TEST(Keeper, SaysWhatIsNotConfigured) {
  Keeper keeper;
  const auto given = keeper.get(wanted("", 1s), How::anew);
  const auto& found = given.documents.at("vault:secret/a");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "vault:secret/a: secrets.vault is not configured");
}

TEST(Keeper, WaitsNoLongerThanItMay) {
  const Silent silent;
  Keeper keeper;
  const auto given = keeper.get(wanted(silent.url(), 200ms), How::anew);
  EXPECT_EQ(given.documents.at("vault:secret/a").error().code, Code::timeout);
  const auto shown = keeper.show();
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_FALSE(shown.front().good);
  EXPECT_GE(shown.front().failed, 1u);
  EXPECT_FALSE(keeper.live("vault:secret/a")->good(Clock::now()));
}

TEST(Keeper, EndsWhileSomebodyWaits) {
  const Silent silent;
  Keeper keeper;
  std::thread stopping([&keeper] {
    while (keeper.show().empty()) std::this_thread::yield();
    keeper.stop();
  });
  const auto begun = Clock::now();
  const auto given = keeper.get(wanted(silent.url(), 300s), How::anew);
  stopping.join();
  EXPECT_LT(Clock::now() - begun, 100s);
  EXPECT_TRUE(given.documents.empty() || !given.documents.at("vault:secret/a"));
  EXPECT_TRUE(keeper.get(wanted(silent.url(), 1s), How::anew).documents.empty()) << "it has ended";
}

TEST(Keeper, WithoutAWishThereIsNoThread) {
  Keeper keeper;
  EXPECT_TRUE(keeper.show().empty());
  keeper.retain({});
  EXPECT_EQ(keeper.live("vault:secret/a"), nullptr);
}

}  // namespace
}  // namespace hawser::secret
