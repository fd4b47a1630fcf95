#include "dialect/form_reader.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

std::string part(const std::string& headers, const std::string& content) {
  return "--b1\r\n" + headers + "\r\n\r\n" + content + "\r\n";
}
std::string field(const std::string& name, const std::string& value) {
  return part("Content-Disposition: form-data; name=\"" + name + "\"", value);
}
std::string file(const std::string& content) {
  return part(
      "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n"
      "Content-Type: audio/wav",
      content);
}
const std::string end = "--b1--\r\n";

/// Its problem, or "model@place", or "none".
std::string read(std::string_view form, std::size_t cut = std::string_view::npos) {
  FormReader reader("b1");
  for (std::size_t at = 0; at < form.size(); at += std::min(cut, form.size())) {
    if (!reader.feed(form.substr(at, cut))) return reader.problem();
  }
  if (!reader.finish()) return reader.problem();
  if (!reader.has_model()) return "none";
  EXPECT_EQ(form.substr(reader.model_at(), reader.model().size()), reader.model());
  return reader.model();
}

TEST(FormReader, FindsTheModelWhereverItStands) {
  const std::string sound(200'000, '\r');
  EXPECT_EQ(read(field("model", "whisper-1") + file("RIFF") + end), "whisper-1");
  EXPECT_EQ(read(file(sound + "\n--b") + field("language", "de") + field("model", "w") + end), "w");
  EXPECT_EQ(read(file("x") + end), "none");
  EXPECT_EQ(read(field("model", "") + end), "");
}

TEST(FormReader, AnyCutGivesTheSame) {
  const std::string form = file("\r\n--b\r\r\n--b1x not\r\n-") + field("model", "w") + end;
  const std::string tricky = file("\r\n--b\r\r\n--b0 not\r\n-\r\n\r") + field("model", "w-1") + end;
  for (std::size_t cut = 1; cut < tricky.size(); ++cut) {
    EXPECT_EQ(read(tricky, cut), "w-1") << cut;
    EXPECT_EQ(read(form, cut), read(form)) << cut;
  }
}

TEST(FormReader, WhatHasTwoReadingsIsRefused) {
  const std::string model = field("model", "small");
  const std::string plain = "Content-Disposition: form-data; name=\"model\"";
  const std::pair<const char*, std::string> forms[] = {
      {"two models", model + file("x") + field("model", "big") + end},
      {"a preamble", "x\r\n" + model + end},
      {"an empty line in front", "\r\n" + model + end},
      {"bare line feeds", "--b1\nContent-Disposition: form-data; name=\"model\"\n\nbig\n--b1--"},
      {"a model that is a file", part(plain + "; filename=\"x\"", "big") + end},
      {"another case", field("Model", "big") + end},
      {"a list", field("model[]", "big") + end},
      {"a transfer encoding", part(plain + "\r\nContent-Transfer-Encoding: base64", "Ymln") + end},
      {"two names", part(plain + "; name=\"x\"", "big") + end},
      {"an extended name", part("Content-Disposition: form-data; name*=utf-8''model", "b") + end},
      {"an escaped name", part("Content-Disposition: form-data; name=\"mo\\del\"", "big") + end},
      {"two dispositions", part(plain + "\r\n" + plain, "big") + end},
      {"no disposition", part("Content-Type: text/plain", "big") + end},
      {"an epilogue", model + end + "--b1\r\n"},
      {"no end", model},
      {"a longer boundary", model + "--b1x\r\n\r\n\r\n" + end},
      {"a long model", field("model", std::string(FormReader::model_max + 1, 'x')) + end}};
  for (const auto& [what, form] : forms) {
    FormReader reader("b1");
    const bool read = reader.feed(form) && reader.finish();
    EXPECT_FALSE(read) << what;
    EXPECT_FALSE(reader.problem().empty()) << what;
  }
  FormReader reader("b\"1");
  EXPECT_FALSE(reader.feed("x"));
}

TEST(FormReader, MemoryIsBounded) {
  FormReader reader("b1");
  EXPECT_FALSE(reader.feed("--b1\r\n" + std::string(100'000, 'a')));
  FormReader many("b1");
  bool read = true;
  for (int i = 0; i < 2'000 && read; ++i) read = many.feed(field("a", "b"));
  EXPECT_FALSE(read);
}

}  // namespace
}  // namespace hawser::dialect
