#include "dialect/client_dialect.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

Dialect spoken(std::string_view method, std::string_view path, std::vector<wire::Field> fields) {
  wire::RequestHead head;
  head.fields = std::move(fields);
  return client_dialect(endpoint_of(method, path), head);
}

TEST(ClientDialect, IsThatOfTheApiThatIsCalled) {
  const wire::Field anthropic{"anthropic-version", "2023-06-01"};
  EXPECT_EQ(spoken("POST", "/v1/messages", {}), Dialect::anthropic);
  EXPECT_EQ(spoken("POST", "/v1/chat/completions", {anthropic}), Dialect::openai);
  EXPECT_EQ(spoken("POST", "/v1beta/models/m:generateContent", {anthropic}), Dialect::gemini);
}

TEST(ClientDialect, IsToldByTheHeadersWhereApisShareAPath) {
  for (const char* path : {"/v1/models", "/v1/files", "/v1/agents", "/elsewhere"}) {
    EXPECT_EQ(spoken("GET", path, {}), Dialect::openai);
    EXPECT_EQ(spoken("GET", path, {{"Anthropic-Version", "x"}}), Dialect::anthropic);
    EXPECT_EQ(spoken("GET", path, {{"x-goog-api-key", "x"}}), Dialect::gemini);
  }
}

}  // namespace
}  // namespace hawser::dialect
