#include "net/proxy.hpp"

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

TEST(Proxy, IsTakenApart) {
  const auto http = parse_proxy("http://us%40er:p%3Aw@proxy.example:3128/");
  ASSERT_TRUE(http);
  EXPECT_EQ(http->kind, Proxy::Kind::http);
  EXPECT_EQ(http->host, "proxy.example");
  EXPECT_EQ(http->port, 3128);
  EXPECT_EQ(http->user, "us@er");
  EXPECT_EQ(http->password.reveal(), "p:w");
  const auto socks = parse_proxy("socks5h://[::1]:1080");
  ASSERT_TRUE(socks);
  EXPECT_EQ(socks->kind, Proxy::Kind::socks5);
  EXPECT_EQ(socks->host, "::1");
  EXPECT_TRUE(socks->user.empty());
}

TEST(Proxy, WhatIsWrongIsSaidWithoutItsPassword) {
  for (const char* text : {"ftp://u:secret@h:1", "http://u:secret@h", "http://u:secret@:80",
                           "u:secret@h:1", "http://u:secret@h:0"}) {
    const auto proxy = parse_proxy(text);
    ASSERT_FALSE(proxy) << text;
    EXPECT_EQ(proxy.error().message.find("secret"), std::string::npos);
  }
}

TEST(NoProxy, NamesTheirSubdomainsAddressesAndNetworks) {
  const auto listed = [](const char* host) {
    return listed_in_no_proxy("internal.example, .corp.example,10.0.0.0/8,::1, *.lan", host);
  };
  EXPECT_TRUE(listed("internal.example"));
  EXPECT_TRUE(listed("A.Internal.Example"));
  EXPECT_TRUE(listed("llm.corp.example"));
  EXPECT_TRUE(listed("10.2.3.4"));
  EXPECT_TRUE(listed("::1"));
  EXPECT_TRUE(listed("box.lan"));
  EXPECT_FALSE(listed("notinternal.example"));
  EXPECT_FALSE(listed("11.2.3.4"));
  EXPECT_FALSE(listed("api.openai.com"));
  EXPECT_TRUE(listed_in_no_proxy("*", "api.openai.com"));
  EXPECT_FALSE(listed_in_no_proxy("", "api.openai.com"));
}

}  // namespace
}  // namespace hawser::net
