#include "admin/authority.hpp"

#include <gtest/gtest.h>

namespace hawser::admin {
namespace {

wire::RequestHead request(std::string_view method, std::string_view path,
                          std::vector<wire::Field> fields = {}) {
  wire::RequestHead head;
  head.method = method;
  head.path = path;
  head.host = "localhost:9901";
  head.fields = std::move(fields);
  return head;
}

AdminConfig with_token() {
  AdminConfig config;
  config.token = Secret("0123456789abcdef");
  return config;
}

TEST(AdminAuthority, WhatIsNotNamedNeedsTheToken) {
  const AdminConfig config = with_token();
  for (const char* path : {"/admin/v1/cache/purge", "/admin/v1/targets", "/admin", "/", "/metrics/",
                           "/Metrics", "/healthz/../admin/v1/targets", "/new", "*"}) {
    EXPECT_EQ(judge(request("GET", path), config), Access::no_token) << path;
    EXPECT_EQ(judge(request("POST", path), config), Access::no_token) << path;
  }
  for (const char* path : {"/healthz", "/readyz", "/health", "/metrics"}) {
    EXPECT_EQ(judge(request("GET", path), config), Access::granted) << path;
  }
  EXPECT_EQ(judge(request("POST", "/healthz"), config), Access::no_token);
}

TEST(AdminAuthority, OnlyTheTokenIsTheToken) {
  AdminConfig config = with_token();
  const auto asked = [&](std::string_view value) {
    return judge(request("POST", "/admin/v1/cache/purge", {{"authorization", value}}), config);
  };
  EXPECT_EQ(asked("Bearer 0123456789abcdef"), Access::granted);
  EXPECT_EQ(asked("bearer 0123456789abcdef"), Access::granted);
  EXPECT_EQ(asked("Bearer 0123456789abcdeF"), Access::wrong_token);
  EXPECT_EQ(asked("Bearer 0123456789abcde"), Access::wrong_token);
  EXPECT_EQ(asked("Bearer 0123456789abcdef "), Access::wrong_token);
  EXPECT_EQ(asked("Bearer "), Access::no_token);
  EXPECT_EQ(asked("0123456789abcdef"), Access::no_token);
  config.metrics = MetricsFor::token;
  EXPECT_EQ(judge(request("GET", "/metrics"), config), Access::no_token);
}

TEST(AdminAuthority, PagesAdministerNothing) {
  const AdminConfig none;
  EXPECT_EQ(judge(request("POST", "/admin/v1/cache/purge"), none), Access::granted);
  for (const auto& fields : {std::vector<wire::Field>{{"Origin", "https://evil.test"}},
                             {{"origin", "null"}},
                             {{"Origin", ""}},
                             {{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "cors"}}}) {
    EXPECT_EQ(judge(request("POST", "/admin/v1/cache/purge", fields), none), Access::foreign_page);
    EXPECT_EQ(judge(request("GET", "/metrics", fields), none), Access::foreign_page);
    EXPECT_EQ(judge(request("GET", "/healthz", fields), none), Access::granted);
  }
  auto rebound = request("GET", "/metrics");
  rebound.host = "rebound.evil.test:9901";
  EXPECT_EQ(judge(rebound, none), Access::foreign_page);
  EXPECT_EQ(judge(rebound, with_token()), Access::foreign_page);  // metrics are open, not to pages
  rebound.fields = {{"Authorization", "Bearer 0123456789abcdef"}};
  EXPECT_EQ(judge(rebound, with_token()), Access::granted);
}

}  // namespace
}  // namespace hawser::admin
