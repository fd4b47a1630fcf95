#include "stage/attempt/body_parts.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hawser::stage::attempt {
namespace {

std::string sent(BodyParts& request) {
  std::string out;
  for (const auto part : request.parts()) out.append(part);
  return out;
}

TEST(BodyParts, EditsStandInTheOrderOfTheBody) {
  const std::string body = R"({"model":"a","x":1,"stream_options":null})";
  BodyParts request("head", body);
  EXPECT_EQ(sent(request), "head" + body);
  request.replace(body.find("null"), 4, "{}");
  request.replace(body.find("\"a\""), 3, "\"longer\"");
  request.replace(1, 0, "\"y\":2,");
  const std::string edited = R"({"y":2,"model":"longer","x":1,"stream_options":{}})";
  EXPECT_EQ(sent(request), "head" + edited);
  EXPECT_EQ(request.length(), edited.size());
}

TEST(BodyParts, AnEmptyBodyIsNoPart) {
  BodyParts request("head", "");
  EXPECT_EQ(request.parts().size(), 1u);
  EXPECT_EQ(request.length(), 0u);
}

}  // namespace
}  // namespace hawser::stage::attempt
