#include "wire/url.hpp"

#include <gtest/gtest.h>

namespace hawser::wire {
namespace {

TEST(Url, IsTakenApart) {
  const auto url = parse_url("https://api.example.com/v1/");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->path, "/v1");
  EXPECT_EQ(url->authority(), "api.example.com");
}

TEST(Url, NamesItsPortWhereTheSchemeDoesNot) {
  EXPECT_EQ(parse_url("http://[::1]:8080")->authority(), "[::1]:8080");
  EXPECT_EQ(parse_url("http://h:443")->authority(), "h:443");
  EXPECT_EQ(parse_url("https://h:443")->authority(), "h");
}

TEST(Url, SaysWhatIsWrong) {
  const auto problem = [](const char* text) { return parse_url(text).error().message; };
  EXPECT_EQ(problem("ftp://h"), "must begin with https:// or http://");
  EXPECT_EQ(problem("https://"), "has no host");
  EXPECT_EQ(problem("https://u:p@h"), "must not hold a user or password");
  EXPECT_EQ(problem("https://h:0"), "has a port that is not a number from 1 to 65535");
  EXPECT_EQ(problem("https://[::1"), "lacks a closing bracket");
  EXPECT_EQ(problem("https://a b"), "has a host with characters that no host name has");
  EXPECT_EQ(problem("https://h/?q"), "must not hold a query or a fragment");
}

TEST(Url, EncodesWhatAPathOrAFormCannotHold) {
  std::string out("/");
  append_encoded(out, "aZ09-._~ /+%\xc3\xa9");
  EXPECT_EQ(out, "/aZ09-._~%20%2F%2B%25%C3%A9");
}

}  // namespace
}  // namespace hawser::wire
