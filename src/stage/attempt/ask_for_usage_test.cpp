#include "stage/attempt/ask_for_usage.hpp"

#include <gtest/gtest.h>

#include "dialect/request_peek.hpp"

namespace hawser::stage::attempt {
namespace {

/// The body as it is sent.
std::string asked(const std::string& body, dialect::Api api = dialect::Api::chat) {
  exchange::Request request;
  request.endpoint.api = api;
  request.json = true;
  request.body = body;
  EXPECT_TRUE(dialect::peek_request(body, request.facts).has_value());
  const auto edit = ask_for_usage(request);
  std::string out = body;
  if (edit) out.replace(edit->at, edit->size, edit->text);
  return out;
}

TEST(AskForUsage, PutsTheOptionWhereItIsMissing) {
  EXPECT_EQ(asked(R"( {"stream":true})"),
            R"( {"stream_options":{"include_usage":true},"stream":true})");
  EXPECT_EQ(asked(R"({"stream":true,"stream_options":null})"),
            R"({"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(asked(R"({"stream":true,"stream_options":{"include_usage":false,"x":[1]}})"),
            R"({"stream":true,"stream_options":{"include_usage":true,"x":[1]}})");
  EXPECT_EQ(asked(R"({"stream":true,"stream_optio\u006es":{}})"),
            R"({"stream":true,"stream_optio\u006es":{"include_usage":true}})");
}

TEST(AskForUsage, LeavesAllElseAsItIs) {
  for (const char* body : {R"({"stream":false})", R"({"model":"m"})",
                           R"({"stream":true,"stream_options":{"include_usage":true}})",
                           R"({"stream":true,"stream_options":"x"})"}) {
    EXPECT_EQ(asked(body), body);
  }
  EXPECT_EQ(asked(R"({"stream":true})", dialect::Api::messages), R"({"stream":true})");
}

}  // namespace
}  // namespace hawser::stage::attempt
