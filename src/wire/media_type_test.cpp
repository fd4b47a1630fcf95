#include "wire/media_type.hpp"

#include <gtest/gtest.h>

namespace hawser::wire {
namespace {

TEST(MediaType, JsonInEachSpelling) {
  for (const char* text :
       {"application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"", "application/vnd.api+json", "text/json",
        " application/json ;", "application/problem+JSON; a=b"}) {
    MediaType media;
    ASSERT_TRUE(parse_media_type(text, media)) << text;
    EXPECT_TRUE(media.json()) << text;
    EXPECT_TRUE(media.utf8()) << text;
  }
  for (const char* text : {"application/jsonl", "text/plain", "application/x-ndjson", "x/json",
                           "application/json-seq"}) {
    MediaType media;
    ASSERT_TRUE(parse_media_type(text, media)) << text;
    EXPECT_FALSE(media.json()) << text;
  }
}

TEST(MediaType, WhatIsNotOneIsTold) {
  for (const char* text : {"", "json", "application/", "/json", "application/json, text/plain",
                           "a/b; charset", "a/b; charset=", "a/b; charset=x; charset=y",
                           "a/b; boundary=\"x", "a/b c", "a/b; boundary=\"a\\\"b\""}) {
    MediaType media;
    EXPECT_FALSE(parse_media_type(text, media)) << text;
  }
}

// RFC 2231 lets a second boundary stand beside the first, which some read and some do not.
TEST(MediaType, HasNoParameterOfTwoReadings) {
  for (const auto* text :
       {"multipart/form-data; boundary=a; boundary*=utf-8''b", "a/b; boundary*0=x; boundary*1=y",
        "a/b; charset*=utf-8''utf-16", "a/b; boundary*0*=x", "a/b; x*=y"}) {
    MediaType media;
    EXPECT_FALSE(parse_media_type(text, media)) << text;
  }
}

TEST(MediaType, ItsParameters) {
  MediaType media;
  ASSERT_TRUE(parse_media_type("Multipart/Form-Data; charset=utf-7; BOUNDARY=\"b 1\"", media));
  EXPECT_TRUE(media.form());
  EXPECT_EQ(media.boundary, "b 1");
  EXPECT_FALSE(media.utf8());
}

}  // namespace
}  // namespace hawser::wire
