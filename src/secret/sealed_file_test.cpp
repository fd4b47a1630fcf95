#include "secret/sealed_file.hpp"

#include <gtest/gtest.h>

namespace hawser::secret {
namespace {

MasterKey master(char digit) {
  auto key = MasterKey::parse(Secret(std::string(64, digit)));
  return std::move(*key);
}

SealedFile sample() {
  SealedFile file;
  EXPECT_TRUE(file.seal(master('1'), "openai", Secret(std::string("sk-one"))));
  EXPECT_TRUE(file.seal(master('1'), "azure", Secret(std::string("key \"two\""))));
  return file;
}

TEST(SealedFile, ComesBackFromItsText) {
  const auto file = SealedFile::parse(sample().text());
  ASSERT_TRUE(file);
  EXPECT_EQ(file->open(master('1'), "openai")->reveal(), "sk-one");
  EXPECT_EQ(file->open(master('1'), "azure")->reveal(), "key \"two\"");
  EXPECT_EQ(file->names(), (std::vector<std::string>{"azure", "openai"}));
  EXPECT_EQ(sample().text().find("sk-one"), std::string::npos);
}

TEST(SealedFile, AnotherMasterKeyIsToldApart) {
  SealedFile file = sample();
  EXPECT_EQ(file.open(master('2'), "openai").error().message, "was sealed with another master key");
  EXPECT_FALSE(file.seal(master('2'), "more", Secret(std::string("x"))));
}

TEST(SealedFile, AMissingNameTellsTheNearest) {
  const auto error = sample().open(master('1'), "opnai").error();
  EXPECT_EQ(error.code, Code::not_found);
  EXPECT_EQ(error.message, "holds no 'opnai': did you mean 'openai'?");
}

TEST(SealedFile, AnyChangedByteIsRefused) {
  const std::string text = sample().text();
  int refused = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const auto file = SealedFile::parse(changed);
    if (!file) {
      ++refused;
      continue;
    }
    const auto one = file->open(master('1'), "openai");
    const auto two = file->open(master('1'), "azure");
    EXPECT_TRUE(!one || one->reveal() == "sk-one") << at;
    EXPECT_TRUE(!two || two->reveal() == "key \"two\"") << at;
    refused += !one || !two ? 1 : 0;
  }
  EXPECT_GT(refused, static_cast<int>(text.size()) - 12) << "blanks and base64's last bits remain";
}

TEST(SealedFile, OneIsNotGivenForAnother) {
  const std::string text = sample().text();
  std::string swapped = text;
  swapped.replace(swapped.find("\"azure\""), 7, "\"openai2\"");
  const auto file = SealedFile::parse(swapped);
  ASSERT_TRUE(file);
  EXPECT_FALSE(file->open(master('1'), "openai2"));
}

TEST(SealedFile, GoesUnderAnotherMasterKey) {
  SealedFile file = sample();
  ASSERT_TRUE(file.rotate(master('1'), master('2')));
  EXPECT_FALSE(file.open(master('1'), "openai"));
  EXPECT_EQ(file.open(master('2'), "azure")->reveal(), "key \"two\"");
  EXPECT_FALSE(file.rotate(master('1'), master('3')));
  EXPECT_EQ(file.open(master('2'), "openai")->reveal(), "sk-one") << "nothing was lost";
}

}  // namespace
}  // namespace hawser::secret
