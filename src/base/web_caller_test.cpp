#include "base/web_caller.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hawser {
namespace {

using Names = std::vector<std::string>;

TEST(WebCaller, NamesOfAListener) {
  struct Case {
    const char* host;
    Names listed;
    bool trusted;
  };
  const Case cases[] = {
      {"localhost", {}, true},
      {"LocalHost:8080", {}, true},
      {"app.localhost", {}, true},
      {"localhost.", {}, true},
      {"127.0.0.1:9901", {}, true},
      {"127.9.8.7", {}, true},
      {"[::1]:80", {}, true},
      {"[::1]", {}, true},
      {"192.0.2.7:80", {}, true},  // had from the address, it is the address's own page
      {"hawser", {}, true},        // a service name; nobody has it in the public DNS
      {"hawser:8080", {"gateway.example"}, false},
      {"gateway.example", {}, false},
      {"gateway.example", {"gateway.example"}, true},
      {"Gateway.Example:8443", {"gateway.example"}, true},
      {"gateway.example.", {"gateway.example"}, true},
      {"gateway.example.evil.test", {"gateway.example"}, false},
      {"xgateway.example", {"gateway.example"}, false},
      {"rebound.evil.test", {}, false},
      {"rebound.evil.test", {"*"}, true},
      {"127.0.0.1.evil.test", {}, false},
      {"127.0.0.1.evil.test:80", {}, false},
      {"localhost.evil.test", {}, false},
      {"evillocalhost.test", {}, false},
      {".localhost", {}, false},
      {"", {}, false},
      {":8080", {}, false},
      {"[::1", {}, false},
      {"[evil.test]:80", {}, false},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(trusted_host(each.host, each.listed), each.trusted) << each.host;
  }
}

TEST(WebCaller, OriginsThatMayBeListed) {
  for (const char* good : {"https://app.example", "http://localhost:3000", "http://[::1]:80", "*",
                           "chrome-extension://abcdef"}) {
    EXPECT_TRUE(valid_origin(good)) << good;
  }
  for (const char* bad :
       {"null", "", "app.example", "https://", "https://app.example/", "https://App.example",
        "https://a b", "://x", "https://*.example", "https://u@app.example"}) {
    EXPECT_FALSE(valid_origin(bad)) << bad;
  }
}

TEST(WebCaller, WhoIsServed) {
  const Names hosts{"gateway.example"}, origins{"https://app.example"}, any{"*"};
  const WebRules rules{hosts, origins, true};
  struct Case {
    WebCaller caller;
    WebVerdict verdict;
  };
  const auto from = [](std::string_view origin) {
    return WebCaller{.method = "POST", .host = "localhost", .has_origin = true, .origin = origin};
  };
  const auto site = [](std::string_view method, std::string_view where, std::string_view mode) {
    return WebCaller{.method = method, .host = "localhost", .site = where, .mode = mode};
  };
  const Case cases[] = {
      {{.method = "POST", .host = "localhost"}, WebVerdict::served},
      {{.method = "POST"}, WebVerdict::served},  // HTTP/1.0: no browser
      {{.method = "POST", .host = "evil.test"}, WebVerdict::foreign_host},
      {from("https://app.example"), WebVerdict::served},
      {from("HTTPS://APP.EXAMPLE"), WebVerdict::served},
      {from("https://app.example:8443"), WebVerdict::foreign_origin},
      {from("http://app.example"), WebVerdict::foreign_origin},
      {from("https://app.example.evil.test"), WebVerdict::foreign_origin},
      {from("http://localhost:8080"), WebVerdict::foreign_origin},
      {from("null"), WebVerdict::foreign_origin},
      {from(""), WebVerdict::foreign_origin},
      {{.host = "localhost",
        .has_origin = true,
        .origin = "https://app.example",
        .several_origins = true},
       WebVerdict::foreign_origin},
      {site("POST", "cross-site", "no-cors"), WebVerdict::foreign_page},
      {site("POST", "same-site", "no-cors"), WebVerdict::foreign_page},
      {site("GET", "cross-site", "no-cors"), WebVerdict::foreign_page},
      {site("POST", "cross-site", "navigate"), WebVerdict::foreign_page},  // a form
      {site("GET", "cross-site", "navigate"), WebVerdict::served},         // a link
      {site("GET", "none", "navigate"), WebVerdict::served},               // typed in
      {site("POST", "same-origin", "cors"), WebVerdict::served},
      {site("POST", "a new word", "cors"), WebVerdict::foreign_page},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    EXPECT_EQ(judge(cases[i].caller, rules), cases[i].verdict) << "case " << i;
  }
  EXPECT_EQ(judge(from("null"), {hosts, any, true}), WebVerdict::foreign_origin);
  EXPECT_EQ(judge({.host = "evil.test"}, {hosts, origins, false}), WebVerdict::served);
}

}  // namespace
}  // namespace hawser
