#include "dialect/object_references.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "dialect/made_objects.hpp"

namespace hawser::dialect {
namespace {

constexpr ReferenceRules stored{.stored = true};

std::vector<std::string> references(std::string_view body, const ReferenceRules& rules = stored) {
  std::vector<std::string> out;
  const auto read = for_each_reference(
      body, rules, [&](ObjectKind, std::string_view id) { out.emplace_back(id); });
  EXPECT_EQ(read, ReferencesRead::all) << body;
  return out;
}
using Ids = std::vector<std::string>;

TEST(ObjectReferences, AreFoundAtAnyDepthAndInEachSpelling) {
  EXPECT_EQ(references(R"({"previous_response_id":"resp_1"})"), Ids{"resp_1"});
  EXPECT_EQ(references(R"({"previous_respons\u0065_id":"r\u0065sp_1"})"), Ids{"resp_1"});
  EXPECT_EQ(references(R"({"conversation":"conv_1"})"), Ids{"conv_1"});
  EXPECT_EQ(references(R"({"conversation":{"id":"conv_1"}})"), Ids{"conv_1"});
  EXPECT_EQ(references(R"({"input":[{"content":[{"type":"input_file","file_id":"file-1"}]}]})"),
            Ids{"file-1"});
  EXPECT_EQ(references(R"({"tools":[{"vector_store_ids":["vs_1","vs_2"]}]})"),
            (Ids{"vs_1", "vs_2"}));
  EXPECT_EQ(references(R"({"tool_resources":{"code_interpreter":{"file_ids":[{"x":"y"},"f"]}}})"),
            Ids{"f"});
  EXPECT_EQ(references(R"({"input":[{"type":"item_reference","id":"msg_1"}]})"), Ids{"msg_1"});
  EXPECT_EQ(references(R"({"input":[{"id":"msg_1"}]})"), Ids{"msg_1"});
  EXPECT_EQ(references(R"({"input":[{"id":"msg_1","type":"message","content":[]}]})"),
            Ids{"msg_1"});
  EXPECT_EQ(references(R"({"input":[{"id":"own","type":"message","content":[]}]})"), Ids{});
  EXPECT_EQ(references(R"({"messages":[{"content":"file_id"}],"id":"x"})"), Ids{});
  EXPECT_EQ(references(R"({"container":{"skills":[{"type":"custom","skill_id":"skill_1"}]}})"),
            Ids{"skill_1"});
}

TEST(ObjectReferences, OfAnEvaluationsData) {
  EXPECT_EQ(references(R"({"data_source":{"source":{"id":"mine","type":"file_id"}}})"),
            Ids{"mine"});
  EXPECT_EQ(references(R"({"data_source":{"source":{"type":"stored_completions"}}})"),
            Ids{std::string(every_object)});
  EXPECT_EQ(references(R"({"data_source":{"source":{"typ\u0065":"responses","model":"m"}}})"),
            Ids{std::string(every_object)});
  EXPECT_EQ(references(R"({"data_source":{"source":{"type":"file_content"},"type":"responses"}})"),
            Ids{});
}

TEST(ObjectReferences, FieldsOfFormsNameObjectsToo) {
  for (const char* field :
       {"file_id", "file_ids[]", "file_ids[0]", "tools[0][vector_store_ids][]", "a[file_id][b]",
        "conversation", "fileUri", "id", "characters[0][id]"}) {
    EXPECT_TRUE(names_object(field)) << field;
  }
  for (const char* field :
       {"file", "purpose", "expires_after[anchor]", "image[]", "]", "[", "a[b"}) {
    EXPECT_FALSE(names_object(field)) << field;
  }
}

TEST(ObjectReferences, ItemsThatAProviderLooksUpAreAskedForInEachForm) {
  for (const char* input :
       {R"([{"type":"image_generation_call","id":"own"},{"role":"user","content":"red"}])",
        R"([{"type":"reasoning","id":"own","summary":[]}])",
        R"({"type":"item_reference","id":"own"})", R"([[{"type":"item_reference","id":"own"}]])",
        R"([{"type":null,"id":"own"}])", R"([{"id":"own","\u0074ype":"item_reference"}])",
        R"([{"type":"not known yet","id":"own"}])"}) {
    EXPECT_EQ(references(std::string("{\"input\":") + input + "}"), Ids{"own"}) << input;
  }
  EXPECT_EQ(
      references(R"({"input":[{"type":"mcp_approval_response","approval_request_id":"mcpr_1"}]})"),
      Ids{"mcpr_1"});
  EXPECT_EQ(references(R"({"input":[{"type":"function_call","id":"fc_1","call_id":"fc_2"}]})"),
            Ids{"fc_1"});
  EXPECT_EQ(references(R"({"anything":{"id":["rs_1"],"x_ids":["file-1"]}})"),
            (Ids{"rs_1", "file-1"}));
  EXPECT_EQ(references(R"({"conversation":{"id":["conv"]},"video":{"id":"v"},"file_id":7})"),
            (Ids{"conv", "v", "7"}));
}

TEST(ObjectReferences, ANameThatStandsTwiceIsAmbiguous) {
  const auto none = [](ObjectKind, std::string_view) {};
  for (const char* body :
       {R"({"input":[{"id":"msg_1","type":"message","type":"item_reference"}]})",
        R"({"a":{"b":1,"\u0062":2}})", R"({"a":[{"b":{"c":1}},{"b":1,"d":{"b":1},"b":2}]})"}) {
    EXPECT_EQ(for_each_reference(body, stored, none), ReferencesRead::ambiguous) << body;
  }
  std::string many = "{\"a\":{";
  for (int i = 0; i < 100; ++i) many += "\"n" + std::to_string(i) + "\":0,";
  EXPECT_EQ(for_each_reference(many + "\"x\":0}}", stored, none), ReferencesRead::all);
  EXPECT_EQ(for_each_reference(many + "\"n7\":0}}", stored, none), ReferencesRead::ambiguous);
  EXPECT_EQ(for_each_reference("{", stored, none), ReferencesRead::not_json);
  EXPECT_EQ(references(R"({"a":[{"b":1},{"b":{"b":1}}]})"), Ids{});
}

TEST(ObjectReferences, WhatIsTheUsersOwnRefersToNothing) {
  EXPECT_EQ(references(R"({"metadata":{"file_id":"file-1","id":"msg_1"}})"), Ids{});
  EXPECT_EQ(references(R"({"tools":{"metadata":{"file_id":"file-1"}}})"), Ids{"file-1"});
  const std::string_view tool =
      R"({"messages":[{"content":[{"type":"tool_use","input":{"file_id":"f"}},{"file_id":"g"}]}]})";
  EXPECT_EQ(references(tool, {.tool_inputs = true}), Ids{"g"});
  EXPECT_EQ(references(tool), (Ids{"f", "g"}));
  const std::string_view call =
      R"({"contents":[{"parts":[{"functionCall":{"args":{"file_id":"f"}}},)"
      R"({"functionResponse":{"response":{"file_id":"f"}}},{"fileData":{"fileUri":"files/g"}}]}]})";
  EXPECT_EQ(references(call, {.gemini = true}), Ids{"g"});
}

TEST(ObjectReferences, AddressesOfAnAccountsFiles) {
  const auto of = [](const std::string& uri) {
    return references(R"({"fileData":{"fileUri":")" + uri + R"("}})", {.gemini = true});
  };
  EXPECT_EQ(of("https://generativelanguage.googleapis.com/v1beta/files/abc"), Ids{"abc"});
  EXPECT_EQ(of("https://GenerativeLanguage.googleapis.com.:443/v1beta/files/abc?x"), Ids{"abc"});
  EXPECT_EQ(of("https://elsewhere.example/v1/files/abc"), Ids{"abc"});
  EXPECT_EQ(of("https://x@generativelanguage.googleapis.com/v1/x"),
            Ids{"https://x@generativelanguage.googleapis.com/v1/x"});
  EXPECT_EQ(of("gs://bucket/secret.pdf"), Ids{"gs://bucket/secret.pdf"});
  EXPECT_EQ(of("https://www.youtube.com/watch?v=1"), Ids{});
  EXPECT_EQ(of("https://example.com/report.pdf"), Ids{});
  EXPECT_EQ(references(R"({"cachedContent":"cachedContents/abc"})"), Ids{"abc"});
}

std::vector<std::string> made(std::string_view answer, ObjectKind makes, bool entries = false) {
  std::vector<std::string> out;
  for_each_made(answer, makes, entries, [&](ObjectKind kind, std::string_view id) {
    out.push_back(std::to_string(static_cast<int>(kind)) + std::string(id));
  });
  return out;
}

TEST(ObjectReferences, AnAnswerNamesWhatItMakes) {
  const auto of = [](ObjectKind kind, const char* id) {
    return std::to_string(static_cast<int>(kind)) + id;
  };
  using K = ObjectKind;
  EXPECT_EQ(made(R"({"id":"resp_1","output":[{"id":"msg_1"},{"id":"rs_1"}]})", K::response),
            (Ids{of(K::item, "msg_1"), of(K::item, "rs_1"), of(K::response, "resp_1")}));
  EXPECT_EQ(
      made(R"({"type":"response.created","response":{"id":"resp_1","output":[]}})", K::response),
      Ids{of(K::response, "resp_1")});
  EXPECT_EQ(
      made(R"({"type":"response.output_item.added","item":{"\u0069d":"msg_1"}})", K::response),
      Ids{of(K::item, "msg_1")});
  EXPECT_EQ(made(R"({"output":[{"id":"ci_1","container_id":"cntr_1"},{"content":[{"annotations":)"
                 R"([{"file_id":"cfile_1"}]}]}]})",
                 K::response),
            (Ids{of(K::item, "ci_1"), of(K::container, "cntr_1"), of(K::file, "cfile_1")}));
  EXPECT_EQ(made(R"({"id":"batch_1","output_file_id":"file-2"})", K::none),
            Ids{of(K::file, "file-2")});
  EXPECT_EQ(made(R"({"data":[{"id":"msg_1"}]})", K::none, true), Ids{of(K::item, "msg_1")});
  EXPECT_EQ(made(R"({"choices":[{"message":{"audio":{"id":"audio_1"}}}]})", K::chat),
            Ids{of(K::item, "audio_1")});
  EXPECT_EQ(made(R"({"name":"cachedContents/a"})", K::cached_content),
            Ids{of(K::cached_content, "a")});
}

TEST(ObjectReferences, WhatAnAnswerEchoesMakesNothing) {
  using K = ObjectKind;
  for (const char* answer :
       {R"({"metadata":{"file_id":"file-1","id":"x","output":[{"id":"msg_1"}]}})",
        R"({"previous_response_id":"resp_0","tools":[{"vector_store_ids":["vs_1"]}]})",
        R"({"conversation":{"id":"conv_1"},"file_id":"file-1","data":[{"id":"msg_1"}]})",
        R"([{"id":"file-1"}])", R"({"input":[{"id":"msg_1","file_id":"file-1"}]})"}) {
    EXPECT_EQ(made(answer, K::file), Ids{}) << answer;
  }
}

TEST(ObjectReferences, AListIsFilteredWithItsCursors) {
  const auto list = filter_list(
      R"({"object":"list","data":[{"id":"a"},{"id":"b"},{"x":1}],"first_id":"a","last_id":"c"})",
      [](std::string_view id) { return id == "b"; });
  ASSERT_TRUE(list);
  EXPECT_EQ(*list, R"({"object":"list","data":[{"id":"b"}],"first_id":"b","last_id":"b"})");
  EXPECT_FALSE(filter_list("[]", [](std::string_view) { return true; }));
  EXPECT_FALSE(filter_list("nonsense", [](std::string_view) { return true; }));
}

TEST(ObjectReferences, OfOtherVendors) {
  constexpr ReferenceRules plain{};
  const auto all = [&](std::string_view body) { return references(body, plain); };
  EXPECT_EQ(all(R"({"tools":[{"fileSearch":{"fileSearchStoreNames":["fileSearchStores/s-1"]}}]})"),
            Ids{"s-1"});
  EXPECT_EQ(all(R"({"agent_id":"ag_1"})"), Ids{"ag_1"});
  EXPECT_EQ(all(R"({"tools":[{"library_ids":["l-1","l-2"]}]})"), (Ids{"l-1", "l-2"}));
  EXPECT_EQ(all(R"({"collection_ids":["c-1"]})"), Ids{"c-1"});
  EXPECT_EQ(all(R"({"messages":[{"role":"system","content":"fileid://file-1,fileid://file-2"}]})"),
            (Ids{"file-1", "file-2"}));
  EXPECT_EQ(all(R"({"messages":[{"content":[{"image_url":{"url":"ms:\/\/f-1"}}]}]})"), Ids{"f-1"});
  EXPECT_EQ(all(R"({"messages":[{"content":"\u0066ileid://file-1"}]})"), Ids{"file-1"});
  EXPECT_EQ(all(R"({"messages":[{"content":"see fileid://file-1"}]})"), Ids{});
}

// Escaped names and texts are not kept: memory does not grow with them.
TEST(ObjectReferences, ManyEscapedNames) {
  std::string body = "{";
  for (int i = 0; i < 20'000; ++i) body += "\"\\u0061" + std::to_string(i) + "\":\"\\n\",";
  EXPECT_EQ(references(body + R"("fil\u0065_id":"f"})"), Ids{"f"});
}

}  // namespace
}  // namespace hawser::dialect
