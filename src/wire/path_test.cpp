#include "wire/path.hpp"

#include <gtest/gtest.h>

namespace hawser::wire {
namespace {

TEST(Path, OneReadingPasses) {
  for (const char* path :
       {"/", "*", "/v1/chat/completions", "/v1/files/file-1", "/v1/models/ft:gpt:org::id",
        "/v1/files/a%20b", "/v1/x/%E4%B8%AD", "/v1/a.b/..c/d..", "/v1/~a-b_c", "/v1/a%3Ab"}) {
    EXPECT_EQ(path_problem(path), "") << path;
  }
}

TEST(Path, TwoReadingsAreRefused) {
  for (const char* path : {"/v1/ch%61t/completions",
                           "/v1/%43hat",
                           "/v1/chat%2Fcompletions",
                           "/v1/chat%2fcompletions",
                           "/v1/a%5cb",
                           "/v1/a\\b",
                           "/v1/../admin",
                           "/v1/./chat",
                           "/v1/..",
                           "/v1/%2e%2e/admin",
                           "/v1/.%2e/admin",
                           "/v1//chat",
                           "//v1/chat",
                           "/v1/chat/",
                           "/v1/chat;a=b",
                           "/v1/chat%3bx",
                           "/v1/a%00",
                           "/v1/a%0d%0a",
                           "/v1/a%7f",
                           "/v1/a%",
                           "/v1/a%4",
                           "/v1/a%zz",
                           "/v1/a%252e",
                           "/v1/a%3fb",
                           "/v1/a%23b",
                           "/v1/a b",
                           "/v1/\xe4\xb8\xad",
                           "/v1/a%ff",
                           "/v1/a%c0%af",
                           "v1/a",
                           "/v1/a%5F",
                           "/v1/a%2D",
                           "/v1/a%7E"}) {
    EXPECT_NE(path_problem(path), "") << path;
  }
}

TEST(Path, SegmentsAreDecoded) {
  EXPECT_EQ(decoded_segment("a%20b%E4%B8%AD"), "a b\xe4\xb8\xad");
  EXPECT_EQ(decoded_segment("plain"), "plain");
}

}  // namespace
}  // namespace hawser::wire
