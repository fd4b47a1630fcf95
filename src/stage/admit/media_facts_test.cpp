#include "stage/admit/media_facts.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::admit {
namespace {

exchange::Request json(std::string_view body) {
  exchange::Request request;
  request.body = body;
  request.json = true;
  request.media = exchange::Media::json;
  return request;
}

exchange::Request form(std::string_view body) {
  exchange::Request request;
  request.body = body;
  request.media = exchange::Media::form;
  return request;
}

std::string part(std::string_view disposition, std::string_view value) {
  return "--b\r\nContent-Disposition: form-data; " + std::string(disposition) + "\r\n\r\n" +
         std::string(value) + "\r\n";
}

std::string little_endian(std::uint32_t value, int size) {
  std::string out;
  for (int i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return out;
}

/// @param promised  bytes of sound, as the header says
std::string wav(std::uint32_t rate, std::uint32_t bytes, std::uint32_t promised) {
  return "RIFF" + little_endian(36 + promised, 4) + "WAVEfmt " + little_endian(16, 4) +
         little_endian(1, 2) + little_endian(1, 2) + little_endian(rate, 4) +
         little_endian(rate * 2, 4) + little_endian(2, 2) + little_endian(16, 2) + "data" +
         little_endian(promised, 4) + std::string(bytes, 'x');
}

TEST(MediaFacts, NumbersAreBounded) {
  const auto number = [](std::string_view body) { return MediaFacts(json(body)).number("n"); };
  EXPECT_EQ(number(R"({"n": 3})"), 3u);
  EXPECT_EQ(number(R"({"n": 2.5})"), 3u);
  EXPECT_EQ(number(R"({"n": "4"})"), 4u);
  EXPECT_EQ(number(R"({"\u006e": 5})"), 5u);
  EXPECT_EQ(number(R"({"n": 1e300})"), 1'000'000'000u);
  EXPECT_EQ(number(R"({"n": 1e999})"), 1'000'000'000u);
  EXPECT_EQ(number(R"({"n": 1, "n": 7})"), 7u);
  EXPECT_EQ(number(R"({"n": -1})"), 0u);
  EXPECT_EQ(number(R"({"n": null})"), std::nullopt);
  EXPECT_EQ(number(R"({"m": 1})"), std::nullopt);
}

TEST(MediaFacts, FormsAreReadWhereverAFieldStands) {
  const std::string body = part("name=\"image\"; filename=\"n\"", "name=\"n\"\r\n\r\n9") +
                           part("name=\"n\"", "4") + part("name=\"size\"", "256x256") + "--b--\r\n";
  const MediaFacts facts(form(body));
  ASSERT_TRUE(facts.readable());
  EXPECT_EQ(facts.number("n"), 4u);
  EXPECT_EQ(facts.text("size"), "256x256");
  EXPECT_EQ(facts.number("quality"), std::nullopt);
  const std::string twice = part("name=\"n\"", "1") + part("name=\"n\"", "8") + "--b--\r\n";
  EXPECT_EQ(MediaFacts(form(twice)).number("n"), 8u);
}

TEST(MediaFacts, WhatIsNotAtHandIsNotReadable) {
  exchange::Request request = json("");
  EXPECT_FALSE(MediaFacts(request).readable());
  request.json = false;
  request.body = "abc";
  EXPECT_FALSE(MediaFacts(request).readable());
}

TEST(MediaFacts, CountsCharactersAndElements) {
  const auto request = json(R"({"input": "h\u00e9llo \u6d77", "documents": ["a", {"b": [1, 2]}]})");
  const MediaFacts facts(request);
  EXPECT_EQ(facts.characters("input"), 7u);
  EXPECT_EQ(facts.elements("documents"), 2u);
  EXPECT_EQ(facts.elements("input"), 0u);
  EXPECT_EQ(MediaFacts(json(R"({"documents": []})")).elements("documents"), 0u);
}

TEST(MediaFacts, CountsTokensThatAreNumbers) {
  const auto numbers = [](std::string_view body) {
    return MediaFacts(json(body)).numbers("input");
  };
  EXPECT_EQ(numbers(R"({"input": [1, 2, 3]})"), 3u);
  EXPECT_EQ(numbers(R"({"input": [[1, 2], [3]]})"), 3u);
  EXPECT_EQ(numbers(R"({"input": ["1", "2"]})"), 0u);
  EXPECT_EQ(numbers(R"({"input": "1, 2"})"), 0u);
  EXPECT_EQ(numbers(R"({"input": []})"), 0u);
}

TEST(WavLength, IsTheHeadersForWhatIsThere) {
  EXPECT_EQ(wav_length_ms(wav(8'000, 160'000, 160'000)), 10'001u);
  EXPECT_EQ(wav_length_ms(wav(8'000, 160'000, 16)), 10'001u);  // promises less
  EXPECT_EQ(wav_length_ms(wav(8'000, 16'000, 0xffffffff)), 1'001u);
  EXPECT_EQ(wav_length_ms(wav(0, 16'000, 16'000)), std::nullopt);
  EXPECT_EQ(wav_length_ms(wav(4'000'000'000, 16'000, 16'000)), std::nullopt);
  EXPECT_EQ(wav_length_ms("RIFF"), std::nullopt);
  EXPECT_EQ(wav_length_ms(std::string(100, 'x')), std::nullopt);
  const std::string sound = wav(8'000, 16'000, 16'000);
  for (std::size_t size = 0; size < 60; ++size) wav_length_ms(sound.substr(0, size));
}

TEST(WavLength, CountsOnlyWhereItIsTheOneFile) {
  const std::string sound = wav(16'000, 32'000, 32'000);
  const std::string one = part("name=\"file\"; filename=\"a.wav\"", sound) + "--b--\r\n";
  EXPECT_EQ(MediaFacts(form(one)).wav_length_ms(), 1'001u);
  const std::string elsewhere = part("name=\"prompt\"", sound) +
                                part("name=\"file\"; filename=\"a.mp3\"", "ID3xxxx") + "--b--\r\n";
  EXPECT_EQ(MediaFacts(form(elsewhere)).wav_length_ms(), std::nullopt);
  const std::string two = part("name=\"file\"; filename=\"a.wav\"", sound) +
                          part("name=\"file\"; filename=\"b.mp3\"", "ID3xxxx") + "--b--\r\n";
  EXPECT_EQ(MediaFacts(form(two)).wav_length_ms(), std::nullopt);
}

// The form was read by one reader, and is by the same here.
TEST(MediaFacts, AFieldIsFoundHoweverItsNameIsWritten) {
  for (const auto* name : {"name=n", "name=\"n\""}) {
    const std::string body = part(name, "9") + "--b--\r\n";
    EXPECT_EQ(MediaFacts(form(body)).number("n"), 9u) << name;
  }
  const std::string twice =
      part("name=\"size\"", "256x256") + part("name=size", "1024x1024") + "--b--\r\n";
  EXPECT_TRUE(MediaFacts(form(twice)).has_several("size"));
}

TEST(MediaFacts, ATextThatIsNotWhereItIsLookedForIsAsLongAsAllOfIt) {
  const std::string body = R"({"text":"0123456789"})";
  EXPECT_EQ(MediaFacts(json(body)).characters("input"), body.size());
  const std::string twice = R"({"input":"a","input":"0123456789"})";
  EXPECT_EQ(MediaFacts(json(twice)).characters("input"), twice.size());
}

}  // namespace
}  // namespace hawser::stage::admit
