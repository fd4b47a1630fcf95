#include "dialect/object_references.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hawser::dialect {
namespace {

std::vector<std::string> references(std::string_view body) {
  std::vector<std::string> out;
  EXPECT_TRUE(for_each_reference(body, [&](ObjectKind, std::string_view id) {
    out.emplace_back(id);
  })) << body;
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
  EXPECT_EQ(references(R"({"input":[{"id":"msg_1","type":"message","content":[]}]})"), Ids{});
  EXPECT_EQ(references(R"({"messages":[{"content":"file_id"}],"id":"x"})"), Ids{});
  EXPECT_EQ(references(R"({"container":{"skills":[{"type":"custom","skill_id":"skill_1"}]}})"),
            Ids{"skill_1"});
}

TEST(ObjectReferences, OfAnEvaluationsData) {
  EXPECT_EQ(references(R"({"data_source":{"source":{"id":"file-1","type":"file_id"}}})"),
            Ids{"file-1"});
  EXPECT_EQ(references(R"({"data_source":{"source":{"type":"stored_completions"}}})"),
            Ids{std::string(every_object)});
  EXPECT_EQ(references(R"({"data_source":{"source":{"typ\u0065":"responses","model":"m"}}})"),
            Ids{std::string(every_object)});
  EXPECT_EQ(references(R"({"data_source":{"source":{"type":"file_content"},"type":"responses"}})"),
            Ids{});
}

TEST(ObjectReferences, FieldsOfFormsNameObjectsToo) {
  for (const char* field : {"file_id", "file_ids[]", "file_ids[0]", "tools[0][vector_store_ids][]",
                            "a[file_id][b]", "conversation"}) {
    EXPECT_TRUE(names_object(field)) << field;
  }
  for (const char* field :
       {"file", "purpose", "expires_after[anchor]", "image[]", "]", "[", "a[b"}) {
    EXPECT_FALSE(names_object(field)) << field;
  }
}

TEST(ObjectReferences, AnAnswerNamesWhatItMakes) {
  std::vector<std::string> made;
  const auto each = [&](ObjectKind kind, std::string_view id) {
    made.push_back(std::to_string(static_cast<int>(kind)) + std::string(id));
  };
  const auto response = std::to_string(static_cast<int>(ObjectKind::response));
  const auto item = std::to_string(static_cast<int>(ObjectKind::item));
  for_each_made(R"({"id":"resp_1","output":[{"id":"msg_1"},{"id":"rs_1"}]})", ObjectKind::response,
                each);
  EXPECT_EQ(made, (Ids{response + "resp_1", item + "msg_1", item + "rs_1"}));
  made.clear();
  for_each_made(R"({"type":"response.created","response":{"id":"resp_1","output":[]}})",
                ObjectKind::response, each);
  for_each_made(R"({"type":"response.output_item.added","item":{"id":"msg_1"}})",
                ObjectKind::response, each);
  EXPECT_EQ(made, (Ids{response + "resp_1", item + "msg_1"}));
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

}  // namespace
}  // namespace hawser::dialect
