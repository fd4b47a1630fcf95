// Every operation, every place, every spelling.
#include "dialect/text_places.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "base/plain_escapes.hpp"
#include "dialect/rewrite_text.hpp"

namespace hawser::dialect {
namespace {

using enum Operation;

constexpr std::string_view secret = "Bluebird";

/// A body with "@", quotes included, where something is put.
struct Case {
  Operation operation;
  Side side;
  std::string body;
};

std::string filled(const std::string& body, std::string_view what) {
  std::string out = body;
  for (auto at = out.find("\"@\""); at != std::string::npos; at = out.find("\"@\"", at)) {
    out.replace(at, 3, what);
    at += what.size();
  }
  return out;
}
std::string as_json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// What a policy sees of a body: whether the secret is in it, and the body with it taken out.
struct Seen {
  bool secret = false;
  std::string unread;
  std::string masked;
};
Seen seen(const Case& one, const std::string& json, std::string_view wanted = secret) {
  Seen out;
  auto read = rewrite_texts(
      shape_of(one.operation, one.side), json, [&](const FoundText& found, std::string& changed) {
        changed = found.json ? with_plain_escapes(found.text) : std::string(found.text);
        const auto at = changed.find(wanted);
        if (at == std::string::npos) return false;
        out.secret = true;
        changed.replace(at, wanted.size(), "*");
        return true;
      });
  EXPECT_TRUE(read) << json;
  if (!read) return out;
  out.unread = read->unread;
  out.masked = read->json.value_or(json);
  return out;
}

/// What somebody writes in the protocol's own places.
std::vector<Case> places() {
  constexpr Side asks = Side::request, answers = Side::answer;
  std::vector<Case> out;
  const auto add = [&](Operation operation, Side side, std::initializer_list<const char*> bodies) {
    for (const char* body : bodies) out.push_back({operation, side, body});
  };
  add(chat, asks,
      {R"({"messages":[{"role":"user","content":"@"}]})", R"({"messages":["@"]})",
       R"({"messages":[{"role":"@","content":""}]})",
       R"({"messages":[{"role":"tool","tool_call_id":"c","content":"@"}]})",
       R"({"messages":[{"content":[{"type":"text","text":"@"}]}]})",
       R"({"messages":[{"content":[{"type":"text","text":"x","id":"@"}]}]})",
       R"({"messages":[{"content":[{"type":"image_url","image_url":{"url":"@"}}]}]})",
       R"({"messages":[{"content":[{"type":"file","file":{"filename":"@"}}]}]})",
       R"({"messages":[{"name":"@"}]})", R"({"messages":[{"reasoning_content":"@"}]})",
       R"({"messages":[{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"@"}}]}]})",
       R"({"messages":[{"tool_calls":[{"id":"c","custom":{"name":"f","input":"@"}}]}]})",
       R"({"tools":[{"type":"function","function":{"name":"f","description":"@"}}]})",
       R"({"response_format":{"type":"json_schema","json_schema":{"name":"@","schema":{}}}})",
       R"({"user":"@"})", R"({"stop":["@"]})",
       R"({"prediction":{"type":"content","content":"@"}})"});
  add(completions, asks, {R"({"prompt":"@"})", R"({"prompt":["a","@"]})", R"({"suffix":"@"})"});
  for (const Operation operation : {responses, compact_response, count_response_tokens}) {
    add(operation, asks,
        {R"({"input":"@"})", R"({"input":["@"]})", R"({"instructions":"@"})",
         R"({"input":[{"role":"user","content":"@"}]})",
         R"({"input":[{"role":"user","content":[{"type":"input_text","text":"@"}]}]})",
         R"({"input":[{"type":"function_call_output","call_id":"c","output":"@"}]})",
         R"({"input":[{"type":"function_call_output","call_id":"c","output":[{"text":"@"}]}]})",
         R"({"input":[{"type":"mcp_call","output":"@"}]})",
         R"({"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"@"}]})",
         R"({"input":[{"type":"reasoning","summary":[{"type":"summary_text","text":"@"}]}]})",
         R"({"input":[{"type":"computer_call","action":{"type":"type","text":"@"}}]})",
         R"({"tools":[{"type":"mcp","server_url":"@"}]})",
         R"({"text":{"format":{"type":"json_schema","name":"@","schema":{}}}})"});
  }
  for (const Operation operation : {messages, count_tokens}) {
    add(operation, asks,
        {R"({"system":"@"})", R"({"system":[{"type":"text","text":"@"}]})",
         R"({"messages":[{"role":"user","content":"@"}]})",
         R"({"messages":[{"content":[{"type":"text","text":"@"}]}]})",
         R"({"messages":[{"content":[{"type":"tool_result","tool_use_id":"t","content":"@"}]}]})",
         R"({"messages":[{"content":[{"type":"tool_result","content":[{"text":"@"}]}]}]})",
         R"({"messages":[{"content":[{"type":"thinking","thinking":"@"}]}]})",
         R"({"messages":[{"content":)"
         R"([{"source":{"type":"text","media_type":"text/plain","data":"@"}}]}]})",
         R"({"messages":[{"content":[{"source":{"type":"url","url":"@"}}]}]})",
         R"({"tools":[{"name":"f","description":"@"}]})"});
  }
  for (const Operation operation : {gemini_generate, gemini_stream, gemini_count_tokens}) {
    add(operation, asks,
        {R"({"contents":[{"role":"user","parts":[{"text":"@"}]}]})",
         R"({"contents":[{"parts":[{"fileData":{"fileUri":"@"}}]}]})",
         R"({"contents":[{"parts":[{"codeExecutionResult":{"outcome":"OK","output":"@"}}]}]})",
         R"({"systemInstruction":{"parts":[{"text":"@"}]}})",
         R"({"tools":[{"functionDeclarations":[{"name":"f","description":"@"}]}]})",
         R"({"generationConfig":{"stopSequences":["@"]}})"});
  }
  add(gemini_embed, asks,
      {R"({"content":{"parts":[{"text":"@"}]}})",
       R"({"requests":[{"content":{"parts":[{"text":"@"}]}}]})"});
  add(embeddings, asks, {R"({"input":"@"})", R"({"input":["a","@"]})"});
  add(moderations, asks, {R"({"input":"@"})", R"({"input":[{"type":"text","text":"@"}]})"});
  add(rerank, asks,
      {R"({"query":"@"})", R"({"documents":["@"]})", R"({"documents":[{"text":"@"}]})"});
  add(speech, asks, {R"({"input":"@"})", R"({"instructions":"@"})"});
  add(image_generation, asks, {R"({"prompt":"@"})"});

  add(chat, answers,
      {R"({"choices":[{"message":{"content":"@"}}]})", R"({"choices":[{"message":{"id":"@"}}]})",
       R"({"choices":[{"message":{"reasoning_content":"@"}}]})",
       R"({"choices":[{"message":{"tool_calls":[{"function":{"arguments":"@"}}]}}]})",
       R"({"search_results":[{"title":"@"}]})", R"({"citations":["@"]})"});
  add(completions, answers, {R"({"choices":[{"text":"@"}]})"});
  add(responses, answers,
      {R"({"output":[{"type":"message","content":[{"type":"output_text","text":"@"}]}]})",
       R"({"output":[{"type":"function_call","arguments":"@"}]})", R"({"output_text":"@"})",
       R"({"output":[{"type":"message","result":"@"}]})"});
  add(messages, answers,
      {R"({"content":[{"type":"text","text":"@"}]})",
       R"({"content":[{"type":"text","data":"@"}]})"});
  add(gemini_generate, answers, {R"({"candidates":[{"content":{"parts":[{"text":"@"}]}}]})"});
  for (const Operation operation : {transcription, translation}) {
    add(operation, answers, {R"({"text":"@"})", R"({"segments":[{"text":"@"}]})"});
  }
  add(image_generation, answers, {R"({"data":[{"revised_prompt":"@","url":"x"}]})"});
  add(rerank, answers, {R"({"results":[{"index":0,"document":{"text":"@"}}]})"});
  return out;
}

/// Places that somebody fills as he likes: "@" is a whole object there.
std::vector<Case> free_places() {
  constexpr Side asks = Side::request, answers = Side::answer;
  std::vector<Case> out{
      {chat, asks, R"({"messages":[{"tool_calls":[{"function":{"arguments":"@"}}]}]})"},
      {chat, asks, R"({"messages":[{"content":[{"type":"text","text":"x","more":"@"}]}]})"},
      {chat, asks,
       R"({"tools":[{"function":{"parameters":{"properties":{"a":{"enum":["@"]}}}}}]})"},
      {chat, asks, R"({"tools":[{"function":{"parameters":{"default":"@"}}}]})"},
      {chat, asks, R"({"response_format":{"json_schema":{"schema":{"examples":["@"]}}}})"},
      {responses, asks, R"({"prompt":{"id":"pmpt_1","variables":"@"}})"},
      {responses, asks, R"({"input":[{"type":"function_call_output","output":[{"more":"@"}]}]})"},
      {responses, asks, R"({"input":[{"type":"mcp_call","arguments":"@"}]})"},
      {responses, asks, R"({"input":[{"type":"file_search_call","results":["@"]}]})"},
      {messages, asks, R"({"messages":[{"content":[{"type":"tool_use","id":"t","input":"@"}]}]})"},
      {messages, asks,
       R"({"tools":[{"name":"f","input_schema":{"properties":{"a":{"const":"@"}}}}]})"},
      {gemini_generate, asks,
       R"({"contents":[{"parts":[{"functionResponse":{"name":"f","response":"@"}}]}]})"},
      {gemini_generate, asks,
       R"({"contents":[{"parts":[{"functionCall":{"name":"f","args":"@"}}]}]})"},
      {gemini_generate, asks, R"({"generationConfig":{"responseJsonSchema":{"enum":["@"]}}})"},
      {gemini_generate, asks, R"({"labels":"@"})"},
      {rerank, asks, R"({"documents":["@"]})"},
      {chat, answers,
       R"({"choices":[{"message":{"tool_calls":[{"function":{"arguments":"@"}}]}}]})"},
      {messages, answers, R"({"content":[{"type":"tool_use","input":"@"}]})"},
      {gemini_generate, answers,
       R"({"candidates":[{"content":{"parts":[{"functionCall":{"args":"@"}}]}}]})"},
      {rerank, answers, R"({"results":[{"document":"@"}]})"},
  };
  for (const Operation operation :
       {chat, completions, responses, compact_response, messages, gemini_generate, gemini_stream,
        gemini_embed, embeddings, moderations, rerank, speech, image_generation, count_tokens,
        count_response_tokens, gemini_count_tokens}) {
    out.push_back({operation, asks, R"({"metadata":"@"})"});
    out.push_back({operation, asks, R"({"nobody_knows_this":["@"]})"});
    out.push_back({operation, answers, R"({"nobody_knows_this":{"a":"@"}})"});
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out = "\"";
  constexpr const char* digits = "0123456789abcdef";
  for (const char c : text) out.append("\\u00") += {digits[c >> 4], digits[c & 15]};
  return out + "\"";
}

TEST(TextPlaces, EveryPlaceInEverySpellingIsSeenAndRewritten) {
  std::size_t tried = 0;
  for (const Case& one : places()) {
    const std::string raw = escaped(secret);  // "\u0042..."
    const std::string once = R"({"x": )" + raw + "}";
    const std::string twice = R"([{"y": )" + as_json(once) + "}]";
    for (const std::string& what :
         {as_json("a " + std::string(secret)), raw, as_json(once), as_json(" \n" + once),
          as_json(twice), as_json("Result: " + once),
          as_json(R"({"a\nb)" + std::string(secret) + "\":1}"), as_json(R"({"id":"Bluebird"})")}) {
      const std::string body = filled(one.body, what);
      const auto found = seen(one, body);
      EXPECT_TRUE(found.secret) << body;
      EXPECT_TRUE(is_json(found.masked)) << found.masked;
      EXPECT_FALSE(seen(one, found.masked).secret) << found.masked;
      EXPECT_EQ(found.unread, "") << body;
      ++tried;
    }
  }
  EXPECT_GT(tried, 500u);
}

TEST(TextPlaces, WhatLiesInAFreePlaceIsTextWhateverItIsCalled) {
  const std::string bytes(300, 'A');
  for (const Case& one : free_places()) {
    for (const char* name : {"id",
                             "model",
                             "type",
                             "role",
                             "status",
                             "call_id",
                             "file_id",
                             "container",
                             "data",
                             "result",
                             "url",
                             "image_url",
                             "signature",
                             "thoughtSignature",
                             "encrypted_content",
                             "b64_json",
                             "system_fingerprint",
                             "object",
                             "format",
                             "mode",
                             "obfuscation"}) {
      const std::string member = "{\"" + std::string(name) + "\":";
      for (const char* value : {R"("Bluebird")", R"({"id":"Bluebird"})", R"([["Bluebird"]])"}) {
        const std::string body = filled(one.body, member + value + "}");
        EXPECT_TRUE(seen(one, body).secret) << body;
      }
      const std::string long_one =
          filled(one.body, member + as_json(bytes + std::string(secret)) +
                               R"(,"type":"base64","media_type":"image/png"})");
      EXPECT_TRUE(seen(one, long_one).secret) << long_one;
      for (const char* value : {"4111111111111111", "4111111111111111.0", "4.111111111111111e15",
                                "[41111111111111110e-1]", "-4111111111111111"}) {
        const std::string body = filled(one.body, member + value + "}");
        EXPECT_TRUE(seen(one, body, "4111111111111111").secret) << body;
      }
      const std::string inside = R"({"a":4.111111111111111e15})";
      EXPECT_TRUE(
          seen(one, filled(one.body, member + as_json(inside) + "}"), "4111111111111111").secret);
    }
    // A word of a protocol is none there.
    EXPECT_TRUE(seen(one, filled(one.body, R"({"role":"critic"})"), "critic").secret) << one.body;
  }
}

TEST(TextPlaces, PromptsInTheNumbersOfATokenizerAreNotRead) {
  for (const Case& one :
       std::vector<Case>{{completions, Side::request, R"({"prompt":"@"})"},
                         {embeddings, Side::request, R"({"input":"@"})"},
                         {responses, Side::request, R"({"input":"@"})"},
                         {moderations, Side::request, R"({"input":"@"})"},
                         {chat, Side::request, R"({"messages":"@"})"},
                         {chat, Side::request, R"({"messages":[{"content":"@"}]})"},
                         {chat, Side::request, R"({"prompt":"@"})"},
                         {messages, Side::request, R"({"system":"@"})"},
                         {gemini_generate, Side::request, R"({"contents":"@"})"},
                         {rerank, Side::request, R"({"documents":"@"})"},
                         {speech, Side::request, R"({"input":"@"})"},
                         {completions, Side::request, R"({"suffix":"x","pro\u006dpt":"@"})"},
                         {completions, Side::request, R"({"prompt_token_ids":"@"})"},
                         {chat, Side::request, R"({"input_ids":"@"})"},
                         {chat, Side::request, R"({"nvext":{"token_data":"@"}})"}}) {
    for (const char* what : {"[15339,1917]", "[[15339,1917]]", "[15339,\"text\"]", "[[],[1]]"}) {
      EXPECT_NE(seen(one, filled(one.body, what)).unread, "") << one.body << what;
    }
    EXPECT_EQ(seen(one, filled(one.body, "[]")).unread, "") << one.body;
  }
  const Case vectors{completions, Side::request, R"({"prompt_embeds":"@"})"};
  EXPECT_EQ(seen(vectors, filled(vectors.body, R"("QUJD")")).unread, "prompt_embeds");
  const Case member{embeddings, Side::request, R"({"input":[[1]],"model":"m"})"};
  EXPECT_EQ(seen(member, member.body).unread, "input");
  for (const char* harmless :
       {R"({"messages":[{"content":"x"}],"seed":12345678)"
        R"(,"logit_bias":{"50256":-100},"max_tokens":100000})",
        R"({"stop_token_ids":[1,2],"messages":[]})", R"({"metadata":{"a":[1,2]}})",
        R"({"tools":[{"function":{"parameters":{"enum":[1,2]}}}]})",
        R"({"messages":[{"tool_calls":[{"function":{"arguments":"{\"a\":[1,2]}"}}]}]})"}) {
    EXPECT_EQ(seen({chat, Side::request, ""}, harmless).unread, "") << harmless;
  }
}

TEST(TextPlaces, BytesAreNoTextWhereTheProtocolHasThemAndSaysSo) {
  const std::string png = "\x89PNG\r\n\x1a\n" + std::string(300, '\0');
  std::string bytes;
  append_base64(bytes, png);
  const auto body = [&](std::string_view text) {
    return filled(std::string(text), as_json(bytes));
  };
  const auto texts = [](Operation operation, const std::string& json) {
    std::size_t count = 0;
    (void)rewrite_texts(shape_of(operation, Side::request), json,
                        [&](const FoundText& found, std::string&) {
                          if (found.text.size() > 100) ++count;
                          return false;
                        });
    return count;
  };
  struct Row {
    Operation operation;
    const char* body;
    std::size_t texts;
  };
  for (const Row& row : std::vector<Row>{
           {messages,
            R"({"messages":[{"content":)"
            R"([{"source":{"data":"@","type":"base64","media_type":"image/png"}}]}]})",
            0},
           {messages,
            R"({"messages":[{"content":)"
            R"([{"source":{"type":"base64","media_type":"image/png","data":"@"}}]}]})",
            0},
           {messages,
            R"({"messages":[{"content":[{"content":[{"source":{"type":"base64","data":"@"}}]}]}]})",
            0},
           {messages, R"({"messages":[{"content":[{"source":{"type":"text","data":"@"}}]}]})", 1},
           {messages, R"({"messages":[{"content":[{"source":{"data":"@"}}]}]})", 1},
           {messages,
            R"({"messages":[{"content":[{"source":{"type":"text","type":"base64","data":"@"}}]}]})",
            1},
           {messages,
            R"({"messages":[{"content":[{"source":{"type":1,"type":"base64","data":"@"}}]}]})", 1},
           {messages, R"({"messages":[{"content":[{"type":"thinking","signature":"@"}]}]})", 0},
           {messages, R"({"messages":[{"content":[{"type":"text","signature":"@"}]}]})", 1},
           {messages, R"({"messages":[{"content":[{"type":"redacted_thinking","data":"@"}]}]})", 0},
           {chat, R"({"messages":[{"content":[{"input_audio":{"data":"@","format":"wav"}}]}]})", 0},
           {chat, R"({"messages":[{"content":[{"input_audio":{"data":"@"}}]}]})", 1},
           {chat, R"({"messages":[{"content":[{"text":"@"}]}]})", 1},
           {chat, R"({"data":"@","image_url":"@"})", 2},
           {chat,
            R"({"messages":[{"tool_calls":)"
            R"([{"function":{"arguments":{"data":"@","format":"wav"}}}]}]})",
            1},
           {responses, R"({"input":[{"type":"image_generation_call","result":"@"}]})", 0},
           {responses, R"({"input":[{"type":"message","result":"@"}]})", 1},
           {responses, R"({"input":[{"type":"reasoning","encrypted_content":"@"}]})", 0},
           {gemini_generate,
            R"({"contents":[{"parts":[{"inlineData":{"data":"@","mimeType":"image/png"}}]}]})", 0},
           {gemini_generate,
            R"({"contents":[{"parts":)"
            R"([{"functionResponse":{"response":{"data":"@","mimeType":"image/png"}}}]}]})",
            1},
           {gemini_generate, R"({"contents":[{"parts":[{"thoughtSignature":"@"}]}]})", 0}}) {
    EXPECT_EQ(texts(row.operation, body(row.body)), row.texts) << row.body;
  }
  const auto url = filled(R"({"messages":[{"content":[{"image_url":{"url":"@"}}]}]})",
                          as_json("data:image/png;base64," + bytes));
  EXPECT_EQ(texts(chat, url), 0u);
  EXPECT_EQ(texts(messages, url), 1u);
}

TEST(TextPlaces, BytesThatAreTextAreReadAndWrittenAsBytes) {
  const std::string text = "Dear " + std::string(secret) + ",\n" + std::string(400, 'x');
  std::string bytes;
  append_base64(bytes, text);
  for (const std::string& value :
       {bytes, "data:text/plain;base64," + bytes, bytes.substr(0, 40) + "\n" + bytes.substr(40)}) {
    for (const Case& one : std::vector<Case>{
             {gemini_generate, Side::request,
              R"({"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"@"}}]}]})"},
             {messages, Side::request,
              R"({"messages":[{"content":[{"source":{"type":"base64","data":"@"}}]}]})"},
             {chat, Side::request,
              R"({"messages":[{"content":[{"file":{"file_data":"@","format":"x"}}]}]})"}}) {
      const auto found = seen(one, filled(one.body, as_json(value)));
      EXPECT_TRUE(found.secret) << one.body;
      EXPECT_FALSE(seen(one, found.masked).secret) << found.masked;
      EXPECT_TRUE(is_json(found.masked));
    }
  }
}

TEST(TextPlaces, IdentifiersAndWordsStayWhatTheyAre) {
  for (const Case& one : std::vector<Case>{
           {chat, Side::request,
            R"({"model":"@","messages":[{"role":"tool","tool_call_id":"@"}]})"},
           {responses, Side::request, R"({"previous_response_id":"@","conversation":{"id":"@"}})"},
           {responses, Side::request, R"({"input":[{"type":"item_reference","id":"@"}]})"},
           {messages, Side::request,
            R"({"messages":[{"content":[{"type":"tool_use","id":"@"}]}]})"},
           {gemini_generate, Side::request, R"({"cachedContent":"@"})"},
           {chat, Side::answer,
            R"({"id":"@","choices":[{"message":{"tool_calls":[{"id":"@"}]}}]})"},
           {gemini_generate, Side::answer, R"({"responseId":"@","modelVersion":"@"})"}}) {
    EXPECT_FALSE(seen(one, filled(one.body, R"("Bluebird")")).secret) << one.body;
    EXPECT_TRUE(seen(one, filled(one.body, R"("a Bluebird")")).secret) << one.body;
  }
  const Case tools{chat, Side::request, ""};
  EXPECT_FALSE(
      seen(tools, R"({"tools":[{"function":{"parameters":{"type":"object"}}}]})", "object").secret);
  EXPECT_FALSE(seen(tools, R"({"messages":[{"role":"user"}]})", "user").secret);
  EXPECT_TRUE(
      seen(tools, R"({"tools":[{"function":{"parameters":{"type":"secret"}}}]})", "secret").secret);
}

TEST(TextPlaces, FiguresOfAnswersStay) {
  for (const char* body :
       {R"({"created":1700000000123)"
        R"(,"usage":{"total_tokens":4111111111111111,"x":{"y":4111111111111111}}})",
        R"({"seed":4111111111111111})"}) {
    EXPECT_FALSE(seen({chat, Side::answer, ""}, body, "1").secret) << body;
  }
  EXPECT_FALSE(seen({embeddings, Side::answer, ""},
                    R"({"data":[{"object":"embedding","embedding":[1234567.0]}]})", "1")
                   .secret);
  EXPECT_EQ(whole_digits("1234567"), "1234567");
  EXPECT_EQ(whole_digits("1.234567e6"), "1234567");
  EXPECT_EQ(whole_digits("1234567000e-3"), "1234567");
  EXPECT_EQ(whole_digits("-1234567.00"), "-1234567");
  for (const char* no :
       {"12345", "1234567.5", "1e999999999999", "1e999", "0.0000001", "0", "0e5", "-0.0"}) {
    EXPECT_FALSE(whole_digits(no)) << no;
  }
}

std::string base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

// One byte that is none of a text's does not make a text unreadable.
TEST(TextPlaces, BytesAreReadAsLaxlyAsAnybodyReadsThem) {
  using namespace std::string_view_literals;
  Labels plain;
  plain.add("media_type", "text/plain");
  Labels image;
  image.add("media_type", "image/png");
  const std::string text(200, 'a');
  for (const std::string_view odd : {"\xff"sv, "\0"sv, "\x1b"sv, "\xc3"sv, "\xed\xa0\x80"sv}) {
    for (const Labels& labels : {Labels(), plain, image}) {
      const auto read = text_of_bytes(base64("Blue" + text + std::string(odd) + "bird"), labels);
      ASSERT_TRUE(read);
      EXPECT_NE(read->find("Blue" + text), std::string::npos);
      EXPECT_NE(read->find("bird"), std::string::npos);
    }
  }
  std::string little = "\xff\xfe", big;
  for (const char c : "Bluebird \xe9"sv) {
    little.push_back(c), little.push_back('\0');
    big.push_back('\0'), big.push_back(c);
  }
  EXPECT_EQ(text_of_bytes(base64(little)), "Bluebird \xc3\xa9");
  EXPECT_EQ(text_of_bytes(base64(big)), "Bluebird \xc3\xa9");
}

TEST(TextPlaces, WhatIsLabelledAsTextIsOneWhateverIsInIt) {
  std::string noise;
  for (int i = 0; i < 50'000; ++i) noise.push_back(static_cast<char>(i * 7919 % 251));
  EXPECT_FALSE(text_of_bytes(base64(noise)));
  for (const auto* type : {"text/plain", "application/json", "TEXT/CSV", "application/xml"}) {
    Labels labels;
    labels.add("mimeType", type);
    EXPECT_TRUE(text_of_bytes(base64(noise), labels)) << type;
    EXPECT_TRUE(text_of_bytes("data:" + std::string(type) + ";base64," + base64(noise))) << type;
  }
  // At the end of what is none at its beginning, too.
  EXPECT_TRUE(text_of_bytes(base64(noise.substr(0, 100) + std::string(100'000, 'a'))));
}

// What pictures and documents begin with are words, too: they do not hide a text behind them.
TEST(TextPlaces, PicturesAndDocumentsAreNoTexts) {
  using namespace std::string_view_literals;
  std::string noise;
  for (int i = 0; i < 50'000; ++i) noise.push_back(static_cast<char>(i * 7919 % 251));
  for (const std::string_view form :
       {"%PDF-1.7\n"sv, "\x89PNG\r\n\x1a\n"sv, "\xff\xd8\xff"sv, "GIF89a"sv, "PK\x03\x04"sv,
        "OggS"sv, "ID3 "sv, "see ftyp"sv}) {
    EXPECT_FALSE(text_of_bytes(base64(std::string(form) + noise)));
    const auto text = text_of_bytes(base64(std::string(form) + std::string(10'000, 'a')));
    ASSERT_TRUE(text) << form;
    EXPECT_NE(text->find(std::string(10'000, 'a')), std::string::npos);
  }
}

TEST(TextPlaces, Utf32IsReadToo) {
  using namespace std::string_view_literals;
  std::string little, big;
  for (const char c : "Bluebird and more"sv) {
    little.append({c, 0, 0, 0});
    big.append({0, 0, 0, c});
  }
  EXPECT_EQ(text_of_bytes(base64(little)), "Bluebird and more");
  EXPECT_EQ(text_of_bytes(base64(std::string("\xff\xfe\0\0", 4) + little)), "Bluebird and more");
  EXPECT_EQ(text_of_bytes(base64(big)), "Bluebird and more");
}

}  // namespace
}  // namespace hawser::dialect
