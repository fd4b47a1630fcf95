#include "cli/local_guard.hpp"

#include <gtest/gtest.h>

namespace hawser::cli {
namespace {

TEST(LocalGuard, KnowsLoopbackInAllItsForms) {
  const LocalGuard guard({}, {});
  for (const char* host : {"localhost", "localhost:8081", "LOCALHOST:8081", "127.0.0.1",
                           "127.0.0.1:1", "127.9.9.9:8081", "[::1]", "[::1]:8081"}) {
    EXPECT_EQ(guard.refuse({.hosts = {host}}), std::nullopt) << host;
  }
}

TEST(LocalGuard, RefusesEveryOtherHost) {
  const LocalGuard guard({}, {});
  for (const char* host : {"",
                           "evil.example",
                           "evil.example:8081",
                           "localhost.evil.example",
                           "127.0.0.1.evil.example",
                           "127.0.0.1:80:80",
                           "127.1",
                           "0x7f.0.0.1",
                           "2130706433",
                           "0.0.0.0",
                           "10.0.0.1:8081",
                           "[::]",
                           "[::ffff:10.0.0.1]",
                           "::1",
                           "localhost:",
                           "localhost:port",
                           "localhost:123456",
                           "localhost.",
                           "evil@localhost",
                           "localhost evil",
                           "localhost,evil",
                           "[::1].evil",
                           "[::1"}) {
    EXPECT_NE(guard.refuse({.hosts = {host}}), std::nullopt) << host;
  }
  EXPECT_NE(guard.refuse({}), std::nullopt) << "no Host";
  EXPECT_NE(guard.refuse({.hosts = {"localhost", "localhost"}}), std::nullopt);
}

TEST(LocalGuard, ListedHostsPassWithTheirPortOrWithAny) {
  const LocalGuard guard({"Box.lan", "other.lan:8081"}, {});
  EXPECT_EQ(guard.refuse({.hosts = {"box.lan"}}), std::nullopt);
  EXPECT_EQ(guard.refuse({.hosts = {"BOX.LAN:9999"}}), std::nullopt);
  EXPECT_EQ(guard.refuse({.hosts = {"other.lan:8081"}}), std::nullopt);
  EXPECT_NE(guard.refuse({.hosts = {"other.lan:8082"}}), std::nullopt);
  EXPECT_NE(guard.refuse({.hosts = {"other.lan"}}), std::nullopt);
}

TEST(LocalGuard, OriginsPassOnlyWhenListed) {
  const LocalGuard guard({}, {"https://app.example", "null"});
  const auto from = [&](std::vector<std::string_view> origins) {
    return guard.refuse({.hosts = {"localhost"}, .origins = std::move(origins)});
  };
  EXPECT_EQ(from({"https://app.example"}), std::nullopt);
  for (const char* origin : {"null", "http://app.example", "https://app.example:444",
                             "https://app.example.evil", "http://localhost:8081", "file://", ""}) {
    EXPECT_NE(from({origin}), std::nullopt) << origin;
  }
  EXPECT_NE(from({"https://app.example", "https://app.example"}), std::nullopt);
}

TEST(LocalGuard, APageOfAnotherSiteIsKnownWithoutAnOrigin) {
  const LocalGuard guard({}, {});
  const auto by = [&](std::string_view site) {
    return guard.refuse({.hosts = {"localhost"}, .origins = {}, .fetch_site = site});
  };
  EXPECT_EQ(by(""), std::nullopt) << "no browser";
  EXPECT_EQ(by("none"), std::nullopt) << "typed by the user";
  EXPECT_EQ(by("same-origin"), std::nullopt);
  for (const char* site : {"cross-site", "same-site", "Cross-Site", "something-new"}) {
    EXPECT_NE(by(site), std::nullopt) << site;
  }
}

}  // namespace
}  // namespace hawser::cli
