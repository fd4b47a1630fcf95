#include "base/name_table.hpp"

#include <string>

#include "gtest/gtest.h"

namespace hawser {
namespace {

struct Row {
  std::string_view name;
  int value;
};
constexpr auto exact = exact_names(std::to_array<Row>({{"a", 1}, {"ab", 2}, {"model", 3}}));
constexpr auto headers = caseless_names(std::to_array<std::string_view>(
    {"accept", "host", "x-request-id", "cookie", "cookie2", "xapi_key"}));

TEST(NameTable, FindsEachOfItsNamesAndNothingElse) {
  for (const Row& row : exact) {
    ASSERT_NE(exact.find(row.name), nullptr);
    EXPECT_EQ(exact.find(row.name)->value, row.value);
    const std::string longer = std::string(row.name) + "x";
    EXPECT_EQ(exact.find(longer), nullptr);
  }
  EXPECT_EQ(exact.find(""), nullptr);
  EXPECT_EQ(exact.find("Model"), nullptr);
  EXPECT_EQ(exact.find("mxxel"), nullptr) << "first, middle and last letters alone are not enough";
}

TEST(NameTable, TakesAnyCaseWhereAskedTo) {
  for (const std::string_view name : headers) {
    std::string upper(name);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    EXPECT_TRUE(headers.has(name));
    EXPECT_TRUE(headers.has(upper)) << upper;
  }
  EXPECT_FALSE(headers.has("cooki"));
  // Bytes that differ in the bit that makes letters small are others.
  EXPECT_FALSE(headers.has(std::string_view("x\rrequest-id")));
  EXPECT_FALSE(headers.has(std::string_view("xapi\x7fkey")));
  EXPECT_FALSE(headers.has(""));
}

TEST(NameTable, HasEveryByteInANameThatItKnowsNothingOf) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    EXPECT_EQ(exact.find(one) != nullptr, one == "a");
  }
}

}  // namespace
}  // namespace hawser
