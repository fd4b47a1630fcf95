#include "net/certificate_choice.hpp"

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

CertificateChoice three() {
  CertificateChoice choice;
  choice.add(0, {"gateway.example.com"});
  choice.add(1, {"*.example.com", "example.com"});
  choice.add(2, {"special.example.com", "*.other.example", "gateway.example.com"});
  return choice;
}

TEST(CertificateChoice, TheExactNameWinsOverTheWildcard) {
  EXPECT_EQ(three().choose("special.example.com"), 2u);
  EXPECT_EQ(three().choose("any.example.com"), 1u);
  EXPECT_EQ(three().choose("example.com"), 1u);
}

TEST(CertificateChoice, TheFirstThatHasANameKeepsIt) {
  EXPECT_EQ(three().choose("gateway.example.com"), 0u);
}

TEST(CertificateChoice, AWildcardStandsForOneLabel) {
  EXPECT_EQ(three().choose("a.b.other.example"), 0u);
  EXPECT_EQ(three().choose("other.example"), 0u);
  EXPECT_EQ(three().choose(".other.example"), 0u);
  EXPECT_EQ(three().choose("b.other.example"), 2u);
}

TEST(CertificateChoice, CaseAndTheRootsDotDoNotCount) {
  EXPECT_EQ(three().choose("Special.EXAMPLE.com."), 2u);
}

TEST(CertificateChoice, TheUnknownGetsTheDefault) {
  for (const char* name : {"", ".", "nowhere", "nowhere.test", "*.example.com.evil"}) {
    EXPECT_EQ(three().choose(name), 0u) << name;
  }
}

}  // namespace
}  // namespace hawser::net
