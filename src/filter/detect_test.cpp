#include <gmock/gmock.h>

#include "filter/detector.hpp"
#include "filter/sample.hpp"
#include "filter/stream.hpp"

namespace hawser::filter {
namespace {

/// The size of what is found at `at`; 0: nothing.
std::size_t found(Detector detector, std::string_view text, std::size_t at = 0) {
  const Verdict verdict = detect(detector, {text, at, true});
  EXPECT_NE(verdict.state, Verdict::State::more) << text;
  return verdict.state == Verdict::State::match ? verdict.keep + verdict.size : 0u;
}
void expect_whole(Detector detector, std::string_view text) {
  EXPECT_EQ(found(detector, text), text.size()) << text;
}
void expect_none(Detector detector, std::string_view text) {
  EXPECT_EQ(found(detector, text), 0u) << text;
}

TEST(Detect, CardsOneAfterTheOtherAndRowsOfNumbers) {
  Vault vault("key");
  const auto found = [&](std::string_view text) {
    const auto scanner = *Scanner::compile({{.name = "cards", .looks_for = Detector::bank_card}});
    Stream stream(scanner, vault);
    Output out;
    stream.feed(text, {}, out);
    stream.flush(out);
    return out.text;
  };
  EXPECT_EQ(found("pay 4111 1111 1111 1111 5500 0000 0000 0004."), "pay [CARD] [CARD].");
  EXPECT_EQ(found("4111-1111-1111-1111-5500-0000-0000-0004"), "[CARD]-[CARD]");
  EXPECT_EQ(found("4111 1111 1111 1111 1227, and"), "[CARD] 1227, and");
  EXPECT_EQ(found("in 2024 4111 1111 1111 1111 12/27"), "in 2024 [CARD] 12/27");
  for (const auto row : {"1234 5678 4111 1111 1111 1111", "4111 1111 1111 1111 1234 5678"}) {
    EXPECT_EQ(found(row), row);
  }
}

TEST(Detect, CheckCharactersOfTheStandards) {
  EXPECT_TRUE(luhn_holds("4111111111111111"));
  EXPECT_FALSE(luhn_holds("4111111111111112"));
  EXPECT_EQ(resident_check("11010519491231002"), 'X');  // the example in GB 11643
  EXPECT_EQ(resident_check("44052418800101001"), '4');
  EXPECT_EQ(credit_check("91350100M000100Y4"), '3');  // the example in GB 32100
  EXPECT_EQ(credit_check("I1350100M000100Y4"), '\0');
  EXPECT_TRUE(iban_holds("DE89370400440532013000"));
  EXPECT_TRUE(iban_holds("GB29NWBK60161331926819"));
  EXPECT_FALSE(iban_holds("GB29NWBK60161331926818"));
}

TEST(Detect, AddressesEndWhereTheyEnd) {
  expect_whole(Detector::email, "jane.doe+x@mail.example.com");
  EXPECT_EQ(found(Detector::email, "a@b.com. Then"), 7u);
  EXPECT_EQ(found(Detector::email, "a@b.com,c@d.com"), 7u);
  EXPECT_EQ(found(Detector::email, "a@b.com.9"), 7u);
  for (const char* text : {"a@b", "a@.com", "a@b.c", "a@1.2", "git@github.com:x/y", "@a.com"}) {
    expect_none(Detector::email, text);
  }
  expect_none(Detector::email, std::string(65, 'a') + "@b.com");
  EXPECT_EQ(found(Detector::email, "xa@b.com", 1), 0u);
  expect_whole(Detector::ip, "192.168.100.12");
  expect_whole(Detector::ip, "2001:0db8:85a3:0000:0000:8a2e:0370:7334");
  expect_whole(Detector::ip, "2001:db8::8a2e:370");
  for (const char* text : {"1.2.3.4", "127.0.0.1", "256.100.100.1", "10.10.10.10.10", "1.22.333",
                           "std::string", "12:34:56", "ad::be", "010.111.111.111"}) {
    expect_none(Detector::ip, text);
  }
  expect_whole(Detector::mac, "00:1a:2B:3c:4d:5e");
  expect_whole(Detector::mac, "00-1a-2b-3c-4d-5e");
  for (const char* text :
       {"00:1a:2b:3c:4d", "00:1a-2b:3c:4d:5e", "00:1a:2b:3c:4d:5e:6f", "00:00:00:00:00:00"}) {
    expect_none(Detector::mac, text);
  }
}

TEST(Detect, NumbersOfPeople) {
  for (const char* text : {"13812345678", "+8613812345678", "+86 138 1234 5678", "138-1234-5678",
                           "+14155552671", "+1 415 555 2671", "+44 20 7946 0958"}) {
    expect_whole(Detector::phone, text);
  }
  for (const char* text : {"12812345678", "138123456789", "1381234567", "+1234567", "2024-05-17",
                           "13812345678.5", "+0123456789"}) {
    expect_none(Detector::phone, text);
  }
  EXPECT_EQ(found(Detector::phone, "0.13812345678", 2), 0u);
  expect_whole(Detector::resident_id, "11010519491231002X");
  expect_whole(Detector::resident_id, "11010519491231002x");
  for (const char* text : {"110105194912310021", "11010519491331002X", "99010519491231002X",
                           "110105194902300020", "11010519491231002X1"}) {
    expect_none(Detector::resident_id, text);
  }
  expect_whole(Detector::credit_code, "91350100M000100Y43");
  expect_none(Detector::credit_code, "91350100M000100Y44");
  for (const char* text : {"E12345678", "G12345678", "EA1234567"}) {
    expect_whole(Detector::passport, text);
  }
  for (const char* text : {"E1234567", "E123456789", "X12345678", "G12345678-20"}) {
    expect_none(Detector::passport, text);
  }
  expect_whole(Detector::licence_plate,
               "\xe4\xba\xac"
               "A12345");
  expect_whole(Detector::licence_plate,
               "\xe7\xb2\xa4"
               "B\xc2\xb7"
               "D12345");
  expect_none(Detector::licence_plate,
              "\xe4\xbd\xa0"
              "A12345");
  expect_none(Detector::licence_plate,
              "\xe4\xba\xac"
              "A1234");
}

TEST(Detect, NumbersOfAccounts) {
  for (const char* text : {"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111",
                           "378282246310005", "6222021234567890128"}) {
    std::string_view number = text;
    if (number.size() == 19 && number[4] == '2' && !luhn_holds(number)) continue;
    expect_whole(Detector::bank_card, text);
  }
  for (const char* text : {"4111111111111112", "0111111111111111", "41111111111111111",
                           "4111 1111-1111 1111", "4111111111111111.5"}) {
    expect_none(Detector::bank_card, text);
  }
  expect_whole(Detector::iban, "DE89370400440532013000");
  expect_whole(Detector::iban, "DE89 3704 0044 0532 0130 00");
  for (const char* text :
       {"DE89370400440532013001", "XX89370400440532013000", "DE8937040044053201"}) {
    expect_none(Detector::iban, text);
  }
}

TEST(Detect, SecretsOfEveryFormat) {
  Random random(1);
  for (const KeyFormat& format : key_formats()) {
    for (int i = 0; i < 200; ++i) {
      const std::string key = sample_key(format, random);
      const Verdict verdict = detect(Detector::credential, {key, 0, true});
      ASSERT_EQ(verdict.state, Verdict::State::match) << key;
      EXPECT_EQ(verdict.what, format.what);
      EXPECT_EQ(verdict.size, key.size()) << key;
    }
    expect_none(Detector::credential, std::string(format.prefix) + "short");
    EXPECT_EQ(found(Detector::credential, "x" + sample_key(format, random), 1), 0u);
  }
  for (const char* text : {"sk-learn-is-a-library-of-python-for-all", "AKIAisnotakeyforsure1",
                           "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "hf_transfer"}) {
    expect_none(Detector::credential, text);
  }
  expect_none(Detector::jwt, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
  const std::string_view assigned = "password = \"x7Qp4nR2vT9zLk3m\"";
  EXPECT_EQ(found(Detector::assigned_secret, assigned, 9), assigned.size() - 10);
  for (const char* text : {"key == x7Qp4nR2vT9zLk3mAb", "key=value", "key = make_key_256(x)"}) {
    EXPECT_EQ(found(Detector::assigned_secret, text, std::string_view(text).find('=')), 0u) << text;
  }
}

TEST(Detect, EscapesOfJsonAreBlanks) {
  const std::string_view mail = "{\"to\":\"x\\njane@x.org\"}";
  const std::size_t at = mail.find("jane");
  EXPECT_EQ(found(Detector::email, mail, at), 10u);
  EXPECT_EQ(found(Detector::email, mail, at - 1), 0u);  // the n stays
  EXPECT_EQ(found(Detector::phone, "\\t13812345678", 2), 11u);
}

/// The law of verdicts.
TEST(Detect, WhatIsDecidedStaysWhateverFollows) {
  Random random(2);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = sample_text(random, 100);
    const std::size_t at = below(random, std::min<std::size_t>(60, text.size()));
    for (std::size_t d = 0; d < detectors_count; ++d) {
      const auto detector = static_cast<Detector>(d);
      const Verdict last = detect(detector, {text, at, true});
      for (std::size_t size = at + 1; size <= text.size(); ++size) {
        const Verdict verdict =
            detect(detector, {std::string_view(text).substr(0, size), at, false});
        if (verdict.state == Verdict::State::more) {
          ASSERT_LE(size - at, is_secret(detector) ? secret_size_max + 8 : personal_size_max + 8);
          continue;
        }
        ASSERT_EQ(verdict.state, last.state) << name_of(detector) << ' ' << text.substr(at);
        ASSERT_EQ(verdict.size, last.size) << name_of(detector) << ' ' << text.substr(at);
      }
    }
  }
}

TEST(Detect, NamesAreReadBack) {
  for (std::size_t i = 0; i < detectors_count; ++i) {
    const auto detector = static_cast<Detector>(i);
    EXPECT_EQ(detector_of(name_of(detector)), detector);
  }
  EXPECT_EQ(detector_of("nothing"), std::nullopt);
}

}  // namespace
}  // namespace hawser::filter
