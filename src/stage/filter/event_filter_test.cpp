#include "stage/filter/event_filter.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <random>

#include "base/json.hpp"
#include "dialect/delta_text.hpp"
#include "wire/sse.hpp"

namespace hawser::stage::filter {
namespace {

using dialect::Api;

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
std::string chat(std::string_view content, int index = 0) {
  return "data: {\"id\":\"c\",\"choices\":[{\"index\":" + std::to_string(index) +
         ",\"delta\":{\"content\":" + quoted(content) + "},\"finish_reason\":null}]}\n\n";
}
const std::string finish =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const std::string done = "data: [DONE]\n\n";

AnswerRules rules(hawser::filter::Action action = hawser::filter::Action::mask) {
  AnswerRules rules;
  std::vector<hawser::filter::Rule> list(2);
  list[0] = {.name = "keys", .looks_for = hawser::filter::Detector::credential};
  list[1] = {.name = "mail", .looks_for = hawser::filter::Detector::email, .action = action};
  rules.scanner = *hawser::filter::Scanner::compile(std::move(list));
  rules.vault = std::make_shared<hawser::filter::Vault>("key");
  rules.found = [](const hawser::filter::Finding&) {};
  return rules;
}

/// Feeds one after the other, and ends.
std::string run(EventFilter& filter, std::initializer_list<std::string> parts) {
  std::string out;
  for (const auto& part : parts) out += filter.feed(part, {});
  return out + filter.finish();
}

std::string text_of(std::string_view frames, Api api = Api::chat) {
  std::string out;
  while (!frames.empty()) {
    const auto size = wire::first_frame(frames).size;
    dialect::append_delta_text(api, frames.substr(0, size), out);
    frames.remove_prefix(size);
  }
  return out;
}

TEST(EventFilter, EventsThatDoNotChangeGoOnByteForByte) {
  const auto with = rules();
  EventFilter filter(Api::chat, with);
  const std::string stream =
      "data:  {\"choices\" : [ {\"index\":0,\"delta\":{\"content\":\"Hi! \"},"
      "\"x\":1.0} ] }\n\n: ping\n\n" +
      finish + done;
  EXPECT_EQ(run(filter, {stream}), stream);
}

TEST(EventFilter, WhatIsCutOverEventsIsFound) {
  const std::string text =
      "Write to jane.doe@example.com or use AKIAQ7ZXN3PLM4KTVB2R, then \u4f60\u597d. End";
  const auto with = rules();
  EventFilter whole(Api::chat, with);
  const std::string expected = text_of(whole.feed(chat(text) + finish + done, {}));
  ASSERT_NE(expected.find("[EMAIL]"), std::string::npos);
  ASSERT_NE(expected.find("[KEY]"), std::string::npos);
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    EventFilter filter(Api::chat, with);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t size = std::min<std::size_t>(1 + random() % 12, text.size() - at);
      while (at + size < text.size() &&
             (static_cast<unsigned char>(text[at + size]) & 0xc0) == 0x80) {
        ++size;
      }
      out += filter.feed(chat(text.substr(at, size)), {});
      at += size;
    }
    out += filter.feed(finish + done, {});
    ASSERT_EQ(text_of(out), expected) << out;
    ASSERT_TRUE(out.ends_with(finish + done));
  }
}

// Some servers change the form of a content in the middle of an answer.
TEST(EventFilter, AContentAsTextAndAsAListIsOneText) {
  const auto list = [](std::string_view text) {
    return "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":" +
           quoted(text) + "}]}}]}\n\n";
  };
  for (const auto& [first, second] :
       {std::pair(chat("write jane.doe@exa"), list("mple.com now")),
        std::pair(list("write jane.doe@exa"), chat("mple.com now"))}) {
    const auto with = rules();
    EventFilter filter(Api::chat, with);
    const std::string out = run(filter, {first, second, finish, done});
    EXPECT_EQ(out.find("jane"), std::string::npos) << out;
    EXPECT_NE(out.find("[EMAIL]"), std::string::npos) << out;
  }
}

TEST(EventFilter, AnEventThatMustBeReadAndCannotBeEndsTheAnswer) {
  auto with = rules();
  std::string deep = "\"jane.doe@example.com\"";
  for (int i = 0; i < 130; ++i) deep = "{\"a\":" + deep + "}";
  for (const std::string& data :
       {std::string("jane.doe@example.com"), std::string("[\"jane.doe@example.com\"]"),
        std::string("\"jane.doe\\u0040example.com\""), std::string("{\"a\":"), deep}) {
    with.must_read = true;
    EventFilter strict(Api::chat, with);
    const std::string out = run(strict, {chat("Hi! ") + "data: " + data + "\n\n" + finish});
    EXPECT_TRUE(strict.unreadable()) << data;
    EXPECT_EQ(out, chat("Hi! ")) << data;
    with.must_read = false;
    EventFilter open(Api::chat, with);
    EXPECT_EQ(run(open, {"data: " + data + "\n\n"}), "data: " + data + "\n\n");
  }
}

TEST(EventFilter, HoweverDeepATextStandsItIsSeen) {
  auto with = rules();
  with.must_read = true;
  for (const int depth : {1, 31, 32, 33, 100, 127}) {
    std::string data = "\"jane.doe@example.com\"";
    for (int i = 0; i < depth; ++i) data = "{\"a\":" + data + "}";
    EventFilter filter(Api::chat, with);
    const std::string out = run(filter, {"data: " + data + "\n\n"});
    EXPECT_NE(out.find("[EMAIL]"), std::string::npos) << depth << out;
  }
}

TEST(EventFilter, ChoicesAndToolCallsAreTextsOfTheirOwn) {
  const auto with = rules();
  EventFilter filter(Api::chat, with);
  const auto call = [](std::string_view arguments) {
    return "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
           "{\"arguments\":" +
           quoted(arguments) + "}}]},\"finish_reason\":null}]}\n\n";
  };
  const std::string out =
      run(filter, {chat("a@b", 0), chat("x@y", 1), call("{\"to\":\"jo@ex"), chat(".com!", 0),
                   chat(".de ", 1), call("ample.org\"}"), finish, done});
  EXPECT_EQ(out.find("a@b.com"), std::string::npos);
  EXPECT_NE(out.find("{\\\"to\\\":\\\""), std::string::npos) << out;
  EXPECT_EQ(out.find("ample.org"), std::string::npos) << out;
  std::size_t masks = 0;
  for (std::size_t at = 0; (at = out.find("[EMAIL]", at)) != std::string::npos; ++at) ++masks;
  EXPECT_EQ(masks, 3u) << out;
}

TEST(EventFilter, PseudonymsOfThePromptBecomeValuesAgainHoweverTheyAreCut) {
  AnswerRules with = rules();
  with.scanner = nullptr;
  const std::string pseudonym = with.vault->pseudonym("EMAIL", "jane@example.com");
  const std::string text = "Dear " + pseudonym + ", hello " + pseudonym + "!";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    EventFilter filter(Api::chat, with);
    const std::string out =
        run(filter, {chat(text.substr(0, cut)), chat(text.substr(cut)), finish + done});
    ASSERT_EQ(text_of(out), "Dear jane@example.com, hello jane@example.com!") << cut;
  }
}

TEST(EventFilter, ABlockEndsTheAnswer) {
  const auto with = rules(hawser::filter::Action::block);
  EventFilter filter(Api::chat, with);
  const std::string out = filter.feed(chat("mail jane@exam") + chat("ple.com now") + finish, {});
  EXPECT_TRUE(filter.blocked());
  EXPECT_EQ(out.find("jane@"), std::string::npos);
  EXPECT_EQ(out.find("stop"), std::string::npos);
}

TEST(EventFilter, OfResponsesTheWholeTextsToo) {
  const auto with = rules();
  EventFilter filter(Api::responses, with);
  const auto event = [](std::string_view type, std::string_view rest) {
    return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) +
           "\",\"output_index\":0,\"content_index\":0," + std::string(rest) + "}\n\n";
  };
  const std::string out = run(
      filter, {event("response.output_text.delta", "\"sequence_number\":1,\"delta\":\"to a@ex\""),
               event("response.output_text.delta", "\"sequence_number\":2,\"delta\":\"a.com\""),
               event("response.output_text.done", "\"text\":\"to a@exa.com\""),
               event("response.completed",
                     "\"response\":{\"output\":[{\"content\":[{\"text\":\"to a@exa.com\"}]}]}")});
  EXPECT_EQ(out.find("a@e"), std::string::npos) << out;
  EXPECT_EQ(text_of(out, Api::responses), "to [EMAIL]");
  EXPECT_NE(out.find("\"sequence_number\":2"), std::string::npos);
}

TEST(EventFilter, OfMessages) {
  const auto with = rules();
  EventFilter filter(Api::messages, with);
  const auto delta = [](std::string_view text) {
    return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
           "\"delta\":{\"type\":\"text_delta\",\"text\":" +
           quoted(text) + "}}\n\n";
  };
  const std::string stop =
      "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
  const std::string out = filter.feed(delta("me@my.o") + delta("rg") + stop, {});
  EXPECT_EQ(text_of(out, Api::messages), "[EMAIL]");
  EXPECT_TRUE(out.ends_with(stop));
}

TEST(EventFilter, WhatIsHeldTooLongIsReleased) {
  const auto with = rules();
  EventFilter filter(Api::chat, with);
  const Clock::time_point now{std::chrono::hours(1)};
  std::string out = filter.feed(chat("see jane.doe"), now);
  ASSERT_TRUE(filter.due());
  EXPECT_LE(*filter.due() - now, milliseconds(200));
  out += filter.release(*filter.due());
  EXPECT_EQ(text_of(out), "see jane.doe");
}

std::string call(std::string_view arguments) {
  return "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
         "\"function\":{\"arguments\":" +
         quoted(arguments) + "}}]},\"finish_reason\":null}]}\n\n";
}
std::string arguments_of(std::string_view frames) {
  std::string out;
  dialect::append_all_deltas(Api::chat, frames, out);
  return out;
}

TEST(EventFilter, EscapesInAToolsArgumentsHideNothing) {
  const std::string arguments = R"({"to":"\u006aane\u0040exam\u0070le.com","n":1})";
  for (std::size_t cut = 0; cut <= arguments.size(); ++cut) {
    const auto with = rules();
    EventFilter filter(Api::chat, with);
    const std::string out =
        run(filter, {call(arguments.substr(0, cut)) + call(arguments.substr(cut)), finish, done});
    EXPECT_EQ(arguments_of(out), R"({"to":"[EMAIL]","n":1})") << cut;
  }
}

TEST(EventFilter, ValuesThatAreRestoredInAToolsArgumentsAreEscapedThere) {
  const auto with = rules();
  const std::string pseudonym = with.vault->pseudonym("PERSON", "Ann \"Rope\" O\\Neil");
  EventFilter filter(Api::chat, with);
  const std::string out =
      run(filter, {call("{\"to\":\"" + pseudonym + "\"}"), chat(pseudonym), finish, done});
  EXPECT_NE(arguments_of(out).find(R"({"to":"Ann \"Rope\" O\\Neil"})"), std::string::npos) << out;
  EXPECT_NE(text_of(out).find(R"(Ann "Rope" O\Neil)"), std::string::npos) << out;
}

/// An event with a text in the place of its $.
std::string with_text(std::string data, std::string_view text) {
  const std::string token = quoted(text);
  return "data: " + data.replace(data.find('$'), 1, token) + "\n\n";
}

struct Place {
  Api api;
  const char* piece;  // $: the text
  const char* other;  // an event between two pieces; null: what stands between ends the text
};
const Place places[] = {
    {Api::chat, R"({"choices":[{"index":0,"delta":{"content":$}}]})",
     R"({"choices":[{"index":1,"delta":{"content":$}}]})"},
    {Api::chat,
     R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":$}}]}}]})",
     R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":$},"index":1}]}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"function_call":{"arguments":$}}}]})", nullptr},
    {Api::chat, R"({"choices":[{"delta":{"tool_calls":[{"index":2,"custom":{"input":$}}]}}]})",
     R"({"choices":[{"delta":{"tool_calls":[{"index":3,"custom":{"input":$}}]}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"reasoning_content":$}}]})",
     R"({"choices":[{"delta":{"content":$}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"audio":{"id":"a","transcript":$}}}]})",
     R"({"choices":[{"delta":{"content":$}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"content":[{"type":"text","text":$}]}}]})",
     R"({"choices":[{"delta":{"reasoning":$}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"reasoning_details":[{"index":0,"text":$}]}}]})",
     R"({"choices":[{"delta":{"reasoning_details":[{"index":1,"text":$}]}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"content":$},"finish_reason":""}]})", nullptr},
    {Api::chat, R"({"choices":[{"delta":{"content":$},"finish_reason":"stop"}]})", nullptr},
    {Api::chat, R"({"choices":[{"index":0.0,"delta":{"content":$}}]})", nullptr},
    {Api::chat, R"({"choices":[{"delta":{"annotations":[{"url_citation":{"content":$}}]}}]})",
     nullptr},
    {Api::chat, R"({"choices":[{"delta":{"never_seen":{"a":[["b",$]]}}}]})", nullptr},
    {Api::chat, R"({"choices":[{"delta":{"content":$}}],"search_results":[{"title":"x@y.org"}]})",
     nullptr},
    {Api::completions, R"({"choices":[{"index":0,"text":$}]})",
     R"({"choices":[{"index":1,"text":$}]})"},
    {Api::responses, R"({"type":"response.output_text.delta","output_index":0,"delta":$})",
     R"({"type":"response.output_text.delta","output_index":1,"delta":$})"},
    {Api::responses, R"({"type":"response.function_call_arguments.delta","delta":$})",
     R"({"type":"response.function_call_arguments.delta","output_index":1,"delta":$})"},
    {Api::responses, R"({"type":"response.never_seen.delta","delta":$})",
     R"({"type":"response.never_met.delta","delta":$})"},
    {Api::messages, R"({"type":"content_block_delta","index":0,"delta":{"text":$}})",
     R"({"type":"content_block_delta","index":1,"delta":{"text":$}})"},
    {Api::messages, R"({"type":"content_block_delta","index":0,"delta":{"partial_json":$}})",
     R"({"type":"content_block_delta","index":1,"delta":{"partial_json":$}})"},
    {Api::messages, R"({"type":"content_block_delta","delta":{"type":"x_delta","content":$}})",
     R"({"type":"content_block_delta","delta":{"type":"y_delta","thinking":$}})"},
};

/// All strings of all events, in their order, by the path of names.
std::string strings_of(std::string_view frames) {
  std::string out, scratch;
  while (!frames.empty()) {
    const auto size = wire::first_frame(frames).size;
    const auto data = wire::frame_parts(frames.substr(0, size), scratch).data;
    if (data.starts_with('{')) {
      EXPECT_TRUE(is_json(data)) << data;
      (void)dialect::rewrite_texts(data, [&](const dialect::FoundText& found, std::string&) {
        out.append(found.text);
        return false;
      });
    }
    frames.remove_prefix(size);
  }
  return out;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t number = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++number;
  }
  return number;
}

TEST(EventFilter, NoCutHidesAnythingInAnyMember) {
  auto with = rules();
  with.must_read = true;
  const std::string text = "Write jane.doe@example.com. ";
  for (const Place& place : places) {
    for (const bool between : {false, true}) {
      if (between && place.other == nullptr) continue;
      for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        EventFilter filter(place.api, with);
        std::string in = with_text(place.piece, text.substr(0, cut));
        if (between) in += with_text(place.other, "zz ");
        in += with_text(place.piece, text.substr(cut));
        const std::string out = run(filter, {in, place.api == Api::chat ? finish + done : ""});
        ASSERT_FALSE(filter.unreadable()) << filter.why_unreadable();
        const std::string all = strings_of(out);
        const std::size_t beside = count(in, "x@y.org");
        EXPECT_EQ(count(all, "[EMAIL]"), 1 + beside) << cut << in << out;
        for (const char* leak : {"jane", "doe@", "@ex", "mple", "y.org"}) {
          EXPECT_EQ(out.find(leak), std::string::npos) << cut << in << out;
        }
        EXPECT_NE(all.find("Write"), std::string::npos) << in << out;
      }
    }
  }
}

TEST(EventFilter, ATextThatContinuesTheOneOfAnEarlierEventIsMasked) {
  const auto with = rules();
  for (const char* piece : {R"({"never_seen":[{"title":$}]})", R"({"text":$})",
                            R"({"choices":[{"message":{"content":$}}]})"}) {
    EventFilter filter(Api::chat, with);
    const std::string out = run(filter, {with_text(piece, "to jane@exa"), chat("x. "),
                                         with_text(piece, "mple.com, bye"), finish + done});
    EXPECT_EQ(out.find("mple"), std::string::npos) << out;
    EXPECT_NE(out.find("[EMAIL], bye"), std::string::npos) << out;
  }
}

TEST(EventFilter, WhatComesAgainInEachEventStaysWhatItIs) {
  const auto with = rules();
  EventFilter filter(Api::chat, with);
  std::string in;
  for (const char* content : {"One ", "two ", "three. "}) {
    in += R"(data: {"id":"c","provider":"DeepInfra","citations":["http://a.org","b"],"choices":[)"
          R"({"index":0,"delta":{"content":")" +
          std::string(content) +
          R"(","reasoning_details":[{"type":"reasoning.text","format":"some-v1","index":0}]}}]})" +
          "\n\n";
  }
  EXPECT_EQ(run(filter, {in, finish, done}), in + finish + done);
}

TEST(EventFilter, ANameThatIsToldAtOnceStaysInItsEvent) {
  const auto with = rules();
  EventFilter filter(Api::chat, with);
  const std::string name =
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\","
      "\"function\":{\"name\":\"get_weather\",\"arguments\":\"\"}}]}}]}\n\n";
  EXPECT_EQ(run(filter, {name, call("{}"), finish, done}), name + call("{}") + finish + done);
  EventFilter slow(Api::chat, with);
  const Clock::time_point now{std::chrono::hours(1)};
  EXPECT_EQ(slow.feed(name, now), "");
  ASSERT_TRUE(slow.due());
  EXPECT_EQ(slow.release(*slow.due()), name);
}

TEST(EventFilter, WhatWasNotReadDoesNotLeave) {
  auto with = rules();
  with.must_read = true;
  for (const std::string& frame :
       {std::string("{\"content\":\"jane@example.com\"}\n\n"),
        std::string("Data: {\"content\":\"jane@example.com\"}\n\n"),
        std::string("data\0: jane@example.com\n\n", 25), "\xEF\xBB\xBF" + chat("jane@example.com"),
        std::string("id: jane@example.com\ndata: {}\n\n"),
        std::string("data: {\"a\":\"jane@example.com\",\"a\":1}\n\n"),
        std::string("data: {\"choices\":[{\"delta\":{\"content\":\"jane@example.com\","
                    "\"content\":\"ok. \"}}]}\n\n")}) {
    EventFilter filter(Api::chat, with);
    EXPECT_EQ(run(filter, {chat("Hi! "), frame}), chat("Hi! ")) << frame;
    EXPECT_TRUE(filter.unreadable()) << frame;
  }
  EventFilter first(Api::chat, with);
  EXPECT_EQ(text_of(run(first, {"\xEF\xBB\xBF" + chat("jane@example.com. "), done})), "[EMAIL]. ");
  EventFilter other(Api::chat, with);
  const std::string out =
      run(other, {": jane@example.com\n\n", "event: jane@example.com\ndata: {}\n\n",
                  "data: {\"jane@example.com\":1}\n\n"});
  EXPECT_EQ(out, ":\n\nevent: [EMAIL]\ndata: {}\n\ndata: {\"[EMAIL]\":1}\n\n");
}

TEST(EventFilter, OneEventWithThousandsOfTextsCostsWhatItIsLong) {
  const auto with = rules();
  std::string many = "data: {\"choices\":[";
  for (int i = 0; i < 2000; ++i) {
    many += std::string(i == 0 ? "" : ",") + "{\"index\":" + std::to_string(i) +
            ",\"delta\":{\"content\":\"to jane@\"}}";
  }
  many += "]}\n\n";
  EventFilter choices(Api::chat, with);
  const std::string out = run(choices, {many});
  EXPECT_TRUE(choices.unreadable());
  EXPECT_EQ(out, "");
  // So many go on at a time, and no more than their texts comes out.
  const std::string some = many.substr(0, many.find(",{\"index\":1000,")) + "]}\n\n";
  EventFilter fewer(Api::chat, with);
  const std::string told = run(fewer, {some, done});
  EXPECT_FALSE(fewer.unreadable());
  EXPECT_LT(told.size(), 2 * some.size());
  EXPECT_EQ(count(told, "jane@"), 1000u);
  const auto cost = [&with](int pieces) {
    std::string in = "data: {\"choices\":[{\"delta\":{\"content\":[";
    for (int i = 0; i < pieces; ++i) in += std::string(i == 0 ? "" : ",") + "{\"text\":\"a, \"}";
    in += "]}}]}\n\n";
    EventFilter list(Api::chat, with);
    const auto begin = std::clock();
    EXPECT_EQ(run(list, {in, done}), in + done);
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;  // of this process alone
  };
  const double few = cost(10000);
  EXPECT_LT(cost(80000), 8 * 3 * few + 0.2);
}

TEST(EventFilter, WhatIsRememberedIsBounded) {
  const auto with = rules();
  EventFilter filter(Api::chat, with);
  for (std::size_t i = 0; i <= EventFilter::running_max; ++i) {
    filter.feed(chat("x", static_cast<int>(i)), {});
    ASSERT_EQ(filter.unreadable(), i == EventFilter::running_max) << i;
  }
}

}  // namespace
}  // namespace hawser::stage::filter
