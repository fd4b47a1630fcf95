#include "base/json_scan.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/json.hpp"

namespace hawser {
namespace {

struct Print {
  std::string out{};
  bool name(const JsonToken& token, unsigned depth) { return add("n", token.text, depth); }
  bool string(const JsonToken& token, unsigned depth) { return add("s", token.text, depth); }
  bool scalar(const JsonToken& token, unsigned depth) { return add("v", token.text, depth); }
  bool open(char kind, unsigned depth, std::size_t) { return add("+", {&kind, 1}, depth); }
  bool close(char kind, unsigned depth, std::size_t) { return add("-", {&kind, 1}, depth); }
  bool add(const char* what, std::string_view text, unsigned depth) {
    out.append(what).append(std::to_string(depth)).append(text).append(" ");
    return true;
  }
};

JsonFault fault_of(std::string_view text) {
  Print print;
  return scan_json(text, print);
}

TEST(JsonScan, ReportsEverythingInOrder) {
  Print print;
  EXPECT_EQ(scan_json(R"( {"a" : [1,"x",{}],"b":{"c":null}} )", print), JsonFault::none);
  EXPECT_EQ(print.out,
            "+0{ n1\"a\" +1[ v21 s2\"x\" +2{ -2{ -1[ n1\"b\" +1{ n2\"c\" v2null -1{ -0{ ");
}

TEST(JsonScan, TakesWhatTheGrammarTakesAndNothingElse) {
  for (const char* good :
       {"{}", "[]", "0", "-1.5e+3", "\"\"", "[[],[]]", "{\"\":{}}", "true", " null ",
        "\"\\u00e9\\n\\/\"", "\"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\""}) {
    EXPECT_EQ(fault_of(good), JsonFault::none) << good;
    EXPECT_TRUE(is_json(good)) << good;
  }
  for (const char* bad :
       {"",         "{",        "[1,]",    "{\"a\":1,}", "{'a':1}",   "{a:1}",
        "[1 2]",    "01",       "+1",      ".5",         "1.",        "NaN",
        "Infinity", "// x\n{}", "{}/**/",  "{} {}",      "\"\\x41\"", "\"\\u12\"",
        "\"a\nb\"", "tru",      "{\"a\"}", "{\"a\":}",   "[}",        "\xef\xbb\xbf{}",
        "\"",       "\"\\\""}) {
    EXPECT_EQ(fault_of(bad), JsonFault::syntax) << bad;
  }
  for (const char* bad : {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xe0\x80\x80\"",
                          "\"\xf5\x80\x80\x80\"", "\"\xc3\""}) {
    EXPECT_EQ(fault_of(bad), JsonFault::encoding) << bad;
  }
}

TEST(JsonScan, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(fault_of(nested(json_depth_max)), JsonFault::none);
  EXPECT_EQ(fault_of(nested(json_depth_max + 1)), JsonFault::depth);
  EXPECT_EQ(fault_of(std::string(1'000'000, '[')), JsonFault::depth);
}

TEST(JsonScan, SpecialBytesAreSeenAtEveryPlaceOfALongString) {
  for (std::size_t at = 0; at < 70; ++at) {
    std::string text(70, 'a');
    text[at] = '\n';
    EXPECT_EQ(fault_of("\"" + text + "\""), JsonFault::syntax) << at;
    text[at] = '\xff';
    EXPECT_EQ(fault_of("\"" + text + "\""), JsonFault::encoding) << at;
    text.replace(at, 1, "\\\"");
    Print print;
    EXPECT_EQ(scan_json("\"" + text + "\"", print), JsonFault::none) << at;
    EXPECT_EQ(print.out, "s0\"" + text + "\" ");
  }
}

}  // namespace
}  // namespace hawser
