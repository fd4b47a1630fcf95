#include "stage/admit/user_name.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::admit {
namespace {

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

TEST(UserName, IsWhatTheRequestSays) {
  EXPECT_EQ(user_name(""), "");
  EXPECT_EQ(user_name("\"bob\""), "bob");
  EXPECT_EQ(user_name(R"("b\u006fb")"), "bob");
}

TEST(UserName, OfAnyLengthIsOneUser) {
  for (const std::size_t size : {1, 198, 199, 200, 201, 5'000}) {
    const std::string one = quoted(std::string(size, 'a'));
    const std::string other = quoted(std::string(size - 1, 'a') + "b");
    EXPECT_FALSE(user_name(one).empty()) << size;
    EXPECT_LE(user_name(one).size(), user_name_max);
    EXPECT_NE(user_name(one), user_name(other)) << size;
  }
  const std::string half = R"("\ud800)";
  EXPECT_FALSE(user_name(half + "\"").empty());
  EXPECT_NE(user_name(half + "a\""), user_name(half + "b\""));
}

}  // namespace
}  // namespace hawser::stage::admit
