#include "base/master_key.hpp"

#include <gtest/gtest.h>

#include "base/base64.hpp"

namespace hawser {
namespace {

Result<MasterKey> parse(std::string text) {
  return MasterKey::parse(Secret(std::move(text)));
}

TEST(MasterKey, IsReadInHexAndBase64) {
  const std::string hex = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
  std::string bytes;
  for (char c = 0; c < 32; ++c) bytes.push_back(c);
  std::string base64;
  append_base64(base64, bytes);
  const auto a = parse(hex + "\n");
  const auto b = parse(base64);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->derive("p").view(), b->derive("p").view());
}

TEST(MasterKey, AnythingElseIsAnError) {
  for (const auto* text : {"", "abc", "0001", "zz0102030405060708090a0b0c0d0e0f",
                           "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
                           "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"}) {
    EXPECT_FALSE(parse(text)) << text;
  }
}

TEST(MasterKey, KeysDifferByPurposeNameAndMaster) {
  const auto a = parse(std::string(64, '1'));
  const auto b = parse(std::string(64, '2'));
  EXPECT_EQ(a->derive("p", "n").view(), a->derive("p", "n").view());
  EXPECT_NE(a->derive("p", "n").view(), a->derive("p", "m").view());
  EXPECT_NE(a->derive("p", "n").view(), a->derive("pn").view());
  EXPECT_NE(a->derive("p", "n").view(), b->derive("p", "n").view());
}

// Computed apart: HMAC-SHA256 twice, with an empty salt, as RFC 5869 says.
TEST(MasterKey, DerivesByHkdf) {
  const auto key = parse(std::string(64, '0'));
  std::string hex;
  const KeyBytes derived = key->derive("purpose", "name");
  for (const char c : derived.view()) {
    constexpr auto digits = "0123456789abcdef";
    hex.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  EXPECT_EQ(hex, "507c6058b13c96adf2cf402e3d7976d6c74cb9a8835fe87cdaf16ebbdd761385");
}

}  // namespace
}  // namespace hawser
