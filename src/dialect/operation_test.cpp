#include "dialect/operation.hpp"

#include <gtest/gtest.h>

#include "dialect/endpoint.hpp"

namespace hawser::dialect {
namespace {

Operation of(std::string_view method, std::string_view path) {
  return endpoint_of(method, path).operation();
}

TEST(Operation, IsDecidedByMethodAndPath) {
  EXPECT_EQ(of("POST", "/v1/chat/completions"), Operation::chat);
  EXPECT_EQ(of("GET", "/v1/chat/completions"), Operation::stored_chat);
  EXPECT_EQ(of("POST", "/v1/responses"), Operation::responses);
  EXPECT_EQ(of("GET", "/v1/responses/resp_1"), Operation::stored_response);
  EXPECT_EQ(of("GET", "/v1/responses/resp_1/input_items"), Operation::stored_response);
  EXPECT_EQ(of("POST", "/v1/responses/resp_1/cancel"), Operation::cancel_response);
  EXPECT_EQ(of("POST", "/v1/responses/resp_1"), Operation::stored_response);
  EXPECT_EQ(of("DELETE", "/v1/batches/batch_1"), Operation::batches);
  EXPECT_EQ(of("PUT", "/v1/files/file-1/what/ever"), Operation::files);
  EXPECT_EQ(of("PATCH", "/v1/chat/completions"), Operation::unknown);
  EXPECT_EQ(of("GET", "/v1/models/ft:gpt:org::id"), Operation::get_model);
  EXPECT_EQ(of("POST", "/v1beta/models/gemini-3:generateContent"), Operation::gemini_generate);
  EXPECT_EQ(of("POST", "/v1/models/gemini-3:streamGenerateContent"), Operation::gemini_stream);
  EXPECT_EQ(of("POST", "/v1beta/models/gemini-3:tune"), Operation::unknown);
  EXPECT_EQ(of("POST", "/v1beta/chat/completions"), Operation::unknown);
  EXPECT_EQ(of("GET", "/v1/organization/admin_api_keys"), Operation::administration);
  EXPECT_EQ(of("POST", "/v1/threads/thread_1/runs"), Operation::threads);
}

TEST(Operation, OtherSpellingsOfAPathAreUnknown) {
  for (const char* path :
       {"/v1/Chat/completions", "/v1/chat/completions/", "/v1//chat/completions",
        "/v1/chat/./completions", "/v1/ch%61t/completions", "/v1/chat/completions;x", "/v1/chat",
        "/v1/chat/completionsx", "/v1/chat%2fcompletions"}) {
    EXPECT_EQ(of("POST", path), Operation::unknown) << path;
  }
}

TEST(Operation, ThePathTellsItsObjectAndItsModel) {
  const auto file = endpoint_of("GET", "/v1/files/file-a%20b/content");
  EXPECT_EQ(file.object(), "file-a%20b");
  EXPECT_EQ(file.match.asked, ObjectKind::file);
  const auto gemini = endpoint_of("POST", "/v1beta/models/gemini-3:generateContent");
  EXPECT_EQ(gemini.model(), "gemini-3");
  EXPECT_EQ(with_model(gemini, "a/b"), "/models/a%2Fb:generateContent");
  EXPECT_EQ(endpoint_of("POST", "/v1/batches").match.makes, ObjectKind::batch);
  EXPECT_EQ(endpoint_of("GET", "/v1/batches").match.lists, ObjectKind::batch);
}

TEST(Operation, EveryOneSaysWhatItIs) {
  for (std::size_t i = 0; i < operations_count; ++i) {
    const auto& traits = traits_of(static_cast<Operation>(i));
    SCOPED_TRACE(traits.name);
    // Who is generated for must be readable, and knows its model or names none at all.
    if (traits.generates) {
      EXPECT_TRUE(traits.prompts && traits.answers_texts);
      EXPECT_NE(traits.model, ModelPlace::hidden);
      EXPECT_NE(traits.pricing, Pricing::none);
    }
    EXPECT_TRUE(!traits.stateful || traits.model == ModelPlace::hidden);
    if (!traits.grant.empty()) {
      EXPECT_TRUE(operations_of_grant(traits.grant).has(traits.operation));
    }
  }
}

TEST(Operation, KeysMayCallWhatKeepsNoStateUnlessTheySayOtherwise) {
  const auto set = default_operations();
  for (const auto in : {Operation::chat, Operation::embeddings, Operation::gemini_stream,
                        Operation::transcription, Operation::image_edit, Operation::list_models,
                        Operation::stored_response, Operation::generations}) {
    EXPECT_TRUE(set.has(in)) << traits_of(in).name;
  }
  for (const auto out : {Operation::files, Operation::batches, Operation::threads,
                         Operation::unknown, Operation::administration, Operation::fine_tuning}) {
    EXPECT_FALSE(set.has(out)) << traits_of(out).name;
  }
  EXPECT_EQ(grants_problem(std::vector<std::string>{"files", "unknown", "transcription"}), "");
  EXPECT_NE(grants_problem(std::vector<std::string>{"administration"}), "");
}

TEST(Operation, ReadingBuysNothingAndTheUnknownMayBuyAnything) {
  EXPECT_EQ(pricing_of(Operation::batches, "GET"), Pricing::none);
  EXPECT_EQ(pricing_of(Operation::batches, "POST"), Pricing::unknown);
  EXPECT_EQ(pricing_of(Operation::unknown, "GET"), Pricing::unknown);
}

}  // namespace
}  // namespace hawser::dialect
