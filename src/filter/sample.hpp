#pragma once

#include <array>
#include <random>
#include <string>
#include <string_view>

#include "filter/check_digit.hpp"
#include "filter/detector.hpp"
#include "filter/key_format.hpp"

/// Values that the detectors must find, made up by chance: for tests and benchmarks.
namespace hawser::filter {

using Random = std::mt19937_64;

inline constexpr std::string_view digits = "0123456789";
inline constexpr std::string_view capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
inline constexpr std::string_view smalls = "abcdefghijklmnopqrstuvwxyz";
inline constexpr std::string_view letters_digits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

inline std::size_t below(Random& random, std::size_t end) {
  return static_cast<std::size_t>(random() % end);
}
inline std::size_t between(Random& random, std::size_t from, std::size_t last) {
  return from + below(random, last - from + 1);
}
inline std::string some(Random& random, std::string_view alphabet, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(alphabet[below(random, alphabet.size())]);
  return out;
}
template <std::size_t count>
std::string one_of(Random& random, const std::array<const char*, count>& texts) {
  return texts.at(below(random, count));
}
inline std::string padded(std::size_t number, std::size_t size) {
  std::string text = std::to_string(number);
  return std::string(size - std::min(size, text.size()), '0') + text;
}

/// A key of one format of key_formats().
inline std::string sample_key(const KeyFormat& format, Random& random) {
  std::string alphabet(format.bytes & lower ? letters_digits : "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  std::size_t size = format.most != 0 ? format.least : between(random, format.least, 120);
  if (format.what == "hawser_key") alphabet = "0123456789abcdef", size = 48;
  if (format.what == "openrouter_key") alphabet = "0123456789abcdef", size = 64;
  if (format.what == "sk_key") {
    if (random() % 2 == 0) alphabet = "0123456789abcdef";
    size = random() % 2 == 0 ? 32 : 48;
  }
  if (format.bytes & dash) alphabet += "-_";
  if (format.bytes & base64) alphabet += "+/";
  std::string key(format.prefix);
  key += some(random, alphabet, size - 2) + some(random, digits, 1) + some(random, capitals, 1);
  if (format.what == "hawser_key" || format.what == "openrouter_key") key.back() = 'a';
  return key;
}

inline std::string sample_jwt(Random& random) {
  std::string alphabet(letters_digits);
  alphabet += "-_";
  return "eyJ" + some(random, alphabet, between(random, 17, 60)) + ".eyJ" +
         some(random, alphabet, between(random, 10, 300)) + "." + some(random, alphabet, 43);
}

inline std::string sample_pem(Random& random) {
  const std::string name = one_of<4>(random, {"", "RSA ", "EC ", "OPENSSH "});
  std::string pem = "-----BEGIN " + name + "PRIVATE KEY-----\n";
  for (std::size_t lines = between(random, 2, 30); lines > 0; --lines) {
    pem += some(random, letters_digits, 64) + "\n";
  }
  return pem + some(random, letters_digits, 22) + "==\n-----END " + name + "PRIVATE KEY-----";
}

inline std::string sample_email(Random& random) {
  std::string name = some(random, smalls, between(random, 1, 10));
  if (random() % 2 == 0) name += some(random, "._-+", 1) + some(random, letters_digits, 4);
  return name + "@" + some(random, smalls, between(random, 2, 12)) +
         one_of<6>(random, {".com", ".org", ".co.uk", ".com.cn", ".io", ".museum"});
}

inline std::string sample_phone(Random& random) {
  if (random() % 3 == 0) {
    const std::string code = one_of<4>(random, {"+1", "+44", "+49", "+81"});
    const std::string gap = one_of<3>(random, {"", " ", "-"});
    return code + gap + std::to_string(between(random, 200, 999)) + gap + some(random, digits, 3) +
           gap + some(random, digits, 4);
  }
  const std::string segment = one_of<12>(
      random, {"130", "135", "138", "139", "150", "159", "166", "177", "186", "188", "191", "199"});
  const std::string gap = one_of<3>(random, {"", "-", " "});
  return one_of<4>(random, {"", "", "+86", "+86 "}) + segment + gap + some(random, digits, 4) +
         gap + some(random, digits, 4);
}

inline std::string sample_resident_id(Random& random) {
  std::string text =
      one_of<6>(random, {"110101", "310115", "440305", "510104", "330106", "650102"});
  text += padded(between(random, 1930, 2020), 4) + padded(between(random, 1, 12), 2) +
          padded(between(random, 1, 28), 2) + some(random, digits, 3);
  return text + resident_check(text);
}

inline std::string sample_credit_code(Random& random) {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  std::string text = one_of<6>(random, {"91", "92", "93", "51", "12", "A1"}) +
                     one_of<3>(random, {"110108", "440300", "310000"}) + some(random, alphabet, 9);
  return text + credit_check(text);
}

inline std::string sample_card(Random& random) {
  struct Network {
    const char* prefix;
    std::size_t size;
  };
  constexpr std::array<Network, 9> networks{{{"4", 16},
                                             {"4", 13},
                                             {"52", 16},
                                             {"2300", 16},
                                             {"37", 15},
                                             {"62", 19},
                                             {"62", 16},
                                             {"3530", 16},
                                             {"36", 14}}};
  const Network& network = networks.at(below(random, networks.size()));
  std::string text = network.prefix;
  text += some(random, digits, network.size - text.size() - 1);
  for (char check = '0'; check <= '9'; ++check) {
    if (luhn_holds(text + check)) {
      text.push_back(check);
      break;
    }
  }
  if (text.size() != 16 || random() % 3 != 0) return text;
  const std::string gap = one_of<2>(random, {" ", "-"});
  return text.substr(0, 4) + gap + text.substr(4, 4) + gap + text.substr(8, 4) + gap +
         text.substr(12);
}

inline std::string sample_iban(Random& random) {
  struct Country {
    const char* name;
    std::size_t size;
  };
  constexpr std::array<Country, 5> countries{
      {{"DE", 22}, {"GB", 22}, {"FR", 27}, {"NO", 15}, {"NL", 18}}};
  const Country& country = countries.at(below(random, countries.size()));
  const std::string account = some(random, "0123456789ABCDEF", country.size - 4);
  std::string text;
  for (std::size_t check = 2; check <= 98; ++check) {
    text = country.name + padded(check, 2) + account;
    if (iban_holds(text)) break;
  }
  if (random() % 3 != 0) return text;
  std::string grouped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && i % 4 == 0) grouped += ' ';
    grouped += text[i];
  }
  return grouped;
}

inline std::string sample_ip(Random& random) {
  if (random() % 3 == 0) {
    std::string text = "2001:db8";
    for (int i = 0; i < 6; ++i) {
      text += ":" + some(random, "123456789abcdef", 1) + some(random, "0123456789abcdef", 3);
    }
    return random() % 2 == 0
               ? text
               : "fe80::" + some(random, "123456789", 4) + ":" + some(random, "123456789abcdef", 4);
  }
  std::string text =
      std::to_string(random() % 2 == 0 ? between(random, 1, 126) : between(random, 128, 223));
  for (int i = 0; i < 3; ++i) text += "." + std::to_string(between(random, 0, 255));
  return text;
}

inline std::string sample_mac(Random& random) {
  const std::string gap = one_of<2>(random, {":", "-"});
  std::string text = "0" + some(random, "2468", 1);
  for (int i = 0; i < 5; ++i) text += gap + some(random, "0123456789abcdef", 2);
  return text;
}

inline std::string sample_plate(Random& random) {
  const std::string province =
      one_of<4>(random, {"\xe4\xba\xac", "\xe7\xb2\xa4", "\xe6\xb2\xaa", "\xe5\xb7\x9d"});
  const std::string gap = one_of<3>(random, {"", "\xc2\xb7", " "});
  const std::string number = some(random, "ABCDEFGH", 1) + some(random, digits, 4);
  return province + some(random, "ABCDE", 1) + gap + (random() % 2 == 0 ? "D" : "") + number;
}

/// A valid value of `detector`'s kind.
inline std::string sample(Detector detector, Random& random) {
  switch (detector) {
    case Detector::credential:
      return sample_key(key_formats()[below(random, key_formats().size())], random);
    case Detector::private_key:
      return sample_pem(random);
    case Detector::jwt:
      return sample_jwt(random);
    case Detector::assigned_secret:
      return one_of<4>(random, {"api_key=", "password: ", "\"token\": \"", "SECRET = '"}) +
             some(random, letters_digits, between(random, 20, 60)) + "7aQ";
    case Detector::email:
      return sample_email(random);
    case Detector::phone:
      return sample_phone(random);
    case Detector::resident_id:
      return sample_resident_id(random);
    case Detector::credit_code:
      return sample_credit_code(random);
    case Detector::bank_card:
      return sample_card(random);
    case Detector::iban:
      return sample_iban(random);
    case Detector::passport:
      return some(random, "EG", 1) + some(random, digits, 8);
    case Detector::ip:
      return sample_ip(random);
    case Detector::mac:
      return sample_mac(random);
    case Detector::licence_plate:
      return sample_plate(random);
  }
  return {};
}

/// Words of several scripts with values and what nearly is one, `size` bytes or some more.
inline std::string sample_text(Random& random, std::size_t size) {
  constexpr std::array<const char*, 25> words{"the ",         "quick ",
                                              "std::string ", "\xe4\xbd\xa0\xe5\xa5\xbd",
                                              "\xef\xbc\x8c", "2024-05-17 ",
                                              "sk-learn ",    "a@b ",
                                              "1.5 ",         "key: ",
                                              "token=x ",     "----- ",
                                              "eyJ ",         "\n",
                                              ". ",           "@",
                                              "+1 ",          "\xf0\x9f\x98\x80",
                                              "caf\xc3\xa9 ", "A1 ",
                                              "12:34:56 ",    "_",
                                              "\xe4\xba\xac", "AKIA",
                                              "\\n"};
  std::string text;
  while (text.size() < size) {
    const std::size_t kind = below(random, 8);
    if (kind == 0) {
      text += sample(static_cast<Detector>(below(random, detectors_count)), random);
    } else if (kind == 1) {  // cut short: nearly one
      const auto detector = static_cast<Detector>(below(random, detectors_count));
      const std::string whole = sample(detector, random);
      text += whole.substr(0, below(random, whole.size()));
    } else {
      text += one_of<25>(random, words);
    }
    if (random() % 2 == 0) text += ' ';
  }
  return text;
}

}  // namespace hawser::filter
