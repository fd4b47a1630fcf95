#include <array>
#include <optional>

#include "filter/check_digit.hpp"
#include "filter/detector.hpp"

namespace hawser::filter {
namespace {

/// Digits with their separators taken out.
struct Digits {
  std::array<char, 40> text{};
  std::size_t size = 0;

  void add(int byte) { text.at(size++) = static_cast<char>(byte); }
  std::string_view view() const { return {text.data(), size}; }
};

bool is_number(std::string_view text, std::size_t at, std::size_t size, int from, int to) {
  int number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number * 10 + (text[at + i] - '0');
  return number >= from && number <= to;
}

/// Whether cards of this length begin so: ISO/IEC 7812 as the networks publish their ranges.
bool is_card_range(std::string_view digits) {
  const std::size_t size = digits.size();
  const auto begins = [digits](std::size_t count, int from, int to) {
    return is_number(digits, 0, count, from, to);
  };
  if (digits[0] == '4') return size == 13 || size == 16 || size == 19;  // Visa
  if (begins(2, 51, 55) || begins(4, 2221, 2720)) return size == 16;    // Mastercard
  if (begins(2, 34, 34) || begins(2, 37, 37)) return size == 15;        // Amex
  if (begins(2, 62, 62)) return size >= 16;                             // UnionPay
  if (begins(4, 3528, 3589)) return size == 16;                         // JCB
  if (begins(3, 300, 305) || begins(2, 36, 36) || begins(2, 38, 39)) return size == 14;  // Diners
  if (begins(4, 6011, 6011) || begins(3, 644, 649) || begins(2, 65, 65)) return size == 16;
  if (begins(4, 2200, 2204)) return size == 16;                                        // Mir
  if (begins(2, 50, 50) || begins(2, 56, 58) || begins(2, 67, 67)) return size == 16;  // Maestro
  return false;
}

/// "5414 5415 5416 5417": four numbers of a table, not the groups of one. Of cards one in 10,000.
bool is_series(std::string_view digits) {
  if (digits.size() != 16 || digits[0] != digits[12]) return false;
  for (std::size_t at = 4; at < 16; at += 4) {
    if (digits.substr(at - 4, 4) >= digits.substr(at, 4)) return false;
  }
  return true;
}

/// Whether four groups of four digits at `start`, with this separator, are a card's.
enum class Grouped : std::uint8_t { no, more, yes };
Grouped card_in_groups(const Place& place, std::size_t start, int separator) {
  Digits digits;
  for (std::size_t i = 0; i < 19; ++i) {
    const int byte = place[start + i];
    if (byte == unknown) return Grouped::more;
    if (i % 5 == 4 ? byte != separator : !in(digit, byte)) return Grouped::no;
    if (i % 5 != 4) digits.add(byte);
  }
  const std::string_view number = digits.view();
  const bool holds = is_card_range(number) && luhn_holds(number) && !is_series(number);
  return holds ? Grouped::yes : Grouped::no;
}

/// The last four groups of a row of numbers, as in tables; not behind another card.
bool ends_a_row(const Place& place) {
  const char separator = place.before();
  if (separator != ' ' && separator != '-') return false;
  for (std::size_t back = 2; back <= 10; ++back) {
    if (back == 6 ? place.before(6) != separator : !in(digit, place.before(back))) return false;
  }
  if (place.at < 20) return true;
  return card_in_groups({place.text, place.at - 20, true}, 0, separator) != Grouped::yes;
}

/// Inside "0.4111111111111111" or "x1.5".
bool follows_point(const Place& place) {
  return place.before() == '.' && in(digit, place.before(2));
}

/// What stands behind a number: it goes on with ".5" or not.
std::optional<Verdict> number_ends(const Place& place, std::size_t at) {
  if (place[at] == unknown) return need_more();
  if (in(word, place[at])) return no_match();
  if (place[at] == '.') {
    if (place[at + 1] == unknown) return need_more();
    if (in(digit, place[at + 1])) return no_match();
  }
  return std::nullopt;
}

/// Second and third digits of mainland China mobile numbers that are given out.
bool is_mobile_segment(int second, int third) {
  constexpr std::array<std::string_view, 10> thirds{"",           "",          "",     "0123456789",
                                                    "56789",      "012356789", "2567", "012345678",
                                                    "0123456789", "012356789"};
  if (!in(digit, second) || !in(digit, third)) return false;
  const std::string_view known = thirds.at(static_cast<std::size_t>(second - '0'));
  return known.find(static_cast<char>(third)) != std::string_view::npos;
}

/// 11 digits from `start`, in one or as 3-4-4.
Verdict match_mobile(const Place& place, std::size_t start) {
  std::size_t at = start, count = 0;
  for (; count < 11; ++at) {
    const int byte = place[at];
    if (byte == unknown) return need_more();
    if (in(digit, byte)) {
      if (count == 0 && byte != '1') return no_match();
      if (count == 2 && !is_mobile_segment(place[at - 1], byte)) return no_match();
      ++count;
    } else if ((byte != ' ' && byte != '-') || (count != 3 && count != 7) ||
               !in(digit, place[at - 1])) {
      return no_match();
    }
  }
  if (auto verdict = number_ends(place, at)) return *verdict;
  // 2 to the power of 34: programs are full of it.
  if (place.rest().substr(start, at - start) == "17179869184") return no_match();
  return match_of(at);
}

Verdict match_china(const Place& place) {
  for (const std::string_view code : {"+86", "0086", "86"}) {
    const std::string_view rest = place.rest();
    if (!rest.starts_with(code)) {
      if (!place.ended && code.starts_with(rest)) return need_more();
      continue;
    }
    std::size_t start = code.size();
    if (code != "86" && (place[start] == ' ' || place[start] == '-')) ++start;
    return match_mobile(place, start);
  }
  return match_mobile(place, 0);
}

/// +, then 8 to 15 digits in groups.
Verdict match_e164(const Place& place) {
  if (place[0] != '+') return no_match();
  if (place[1] == unknown) return need_more();
  if (!in(digit, place[1]) || place[1] == '0') return no_match();
  std::size_t at = 1, digits = 0, good = 0;
  while (at < 32) {
    const std::size_t group = place.run(at, digit, 16);
    if (place[at + group] == unknown) return need_more();
    if (group == 0 || digits + group > 15) break;
    digits += group;
    at += group;
    if (in(word, place[at])) break;
    if (digits >= 8) good = at;
    if (place[at] == ')' && place[at + 1] == unknown) return need_more();
    if (place[at] == ')' && (place[at + 1] == ' ' || place[at + 1] == '-')) ++at;
    const int byte = place[at];
    if (byte != ' ' && byte != '-' && byte != '.' && byte != ')') break;
    ++at;
    if (place[at] == unknown) return need_more();
    if (place[at] == '(') ++at;
    if (place[at] == unknown || (byte == '.' && place[at + 1] == unknown)) return need_more();
    // "+12345678.5" is a sum, "+14 20.8.2" are parts of something.
    if (byte == '.' && in(digit, place[at]) && !in(digit, place[at + 1])) return no_match();
  }
  return good > 0 ? match_of(good) : no_match();
}

struct Country {
  char name[3];
  std::uint8_t size;
};
// clang-format off
constexpr std::array ibans{
    Country{"AD", 24}, Country{"AE", 23}, Country{"AL", 28}, Country{"AT", 20}, Country{"AZ", 28},
    Country{"BA", 20}, Country{"BE", 16}, Country{"BG", 22}, Country{"BH", 22}, Country{"BR", 29},
    Country{"BY", 28}, Country{"CH", 21}, Country{"CR", 22}, Country{"CY", 28}, Country{"CZ", 24},
    Country{"DE", 22}, Country{"DK", 18}, Country{"DO", 28}, Country{"EE", 20}, Country{"EG", 29},
    Country{"ES", 24}, Country{"FI", 18}, Country{"FO", 18}, Country{"FR", 27}, Country{"GB", 22},
    Country{"GE", 22}, Country{"GI", 23}, Country{"GL", 18}, Country{"GR", 27}, Country{"GT", 28},
    Country{"HR", 21}, Country{"HU", 28}, Country{"IE", 22}, Country{"IL", 23}, Country{"IQ", 23},
    Country{"IS", 26}, Country{"IT", 27}, Country{"JO", 30}, Country{"KW", 30}, Country{"KZ", 20},
    Country{"LB", 28}, Country{"LC", 32}, Country{"LI", 21}, Country{"LT", 20}, Country{"LU", 20},
    Country{"LV", 21}, Country{"LY", 25}, Country{"MC", 27}, Country{"MD", 24}, Country{"ME", 22},
    Country{"MK", 19}, Country{"MR", 27}, Country{"MT", 31}, Country{"MU", 30}, Country{"NL", 18},
    Country{"NO", 15}, Country{"PK", 24}, Country{"PL", 28}, Country{"PS", 29}, Country{"PT", 25},
    Country{"QA", 29}, Country{"RO", 24}, Country{"RS", 22}, Country{"SA", 24}, Country{"SC", 31},
    Country{"SE", 24}, Country{"SI", 19}, Country{"SK", 24}, Country{"SM", 27}, Country{"ST", 25},
    Country{"SV", 28}, Country{"TL", 23}, Country{"TN", 24}, Country{"TR", 26}, Country{"UA", 29},
    Country{"VA", 22}, Country{"VG", 24}, Country{"XK", 20},
};
// clang-format on

std::size_t iban_size(std::string_view country) {
  for (const Country& row : ibans) {
    if (country == std::string_view(row.name, 2)) return row.size;
  }
  return 0;
}

}  // namespace

Verdict detect_phone(const Place& place) {
  if (place.after(word) || follows_point(place)) return no_match();
  if (place[0] != '+' && !in(digit, place[0])) return no_match();
  if (in(digit, place[0]) && place.before() == '+') return no_match();
  if (const Verdict verdict = match_china(place)) return verdict;
  return match_e164(place);
}

Verdict detect_bank_card(const Place& place) {
  if (place.after(word) || follows_point(place) || !in(digit, place[0])) return no_match();
  Digits digits;
  std::size_t at = 0;
  int separator = 0;
  for (; digits.size < 20; ++at) {
    const int byte = place[at];
    if (byte == unknown) return need_more();
    if (in(digit, byte)) {
      digits.add(byte);
      continue;
    }
    // Groups have at least four digits, and all the same separator.
    if (byte != ' ' && byte != '-') break;
    if (at < 4 || place.run(at - 4, digit, 4) < 4) break;
    if (separator != 0 && byte != separator) break;
    const std::size_t next = place.run(at + 1, digit, 3);
    if (place[at + 1 + next] == unknown) return need_more();
    if (next < 3) break;
    separator = byte;
  }
  if (digits.size == 20 && separator != 0) {  // two cards in a row, or some row of numbers
    if (card_in_groups(place, 0, separator) != Grouped::yes) return no_match();
    const auto second = card_in_groups(place, 20, separator);
    if (second == Grouped::more) return need_more();
    if (second == Grouped::yes) return match_of(19);
    // One group more is a date or a code, two are a row.
    const bool third = place[24] == separator && place.run(25, digit, 4) == 4;
    return third || in(word, place[24]) ? no_match() : match_of(19);
  }
  if (digits.size < 13 || digits.size > 19) return no_match();
  if (auto verdict = number_ends(place, at)) return *verdict;
  if (separator != 0 && (ends_a_row(place) || is_series(digits.view()))) return no_match();
  if (!is_card_range(digits.view()) || !luhn_holds(digits.view())) return no_match();
  return match_of(at);
}

Verdict detect_iban(const Place& place) {
  if (place.after(word)) return no_match();
  for (std::size_t i = 0; i < 4; ++i) {
    if (place[i] == unknown) return need_more();
    if (!in(i < 2 ? upper : digit, place[i])) return no_match();
  }
  const std::size_t size = iban_size(place.rest().substr(0, 2));
  if (size == 0) return no_match();
  Digits text;
  std::size_t at = 0;
  bool grouped = false;
  for (; text.size < size; ++at) {
    const int byte = place[at];
    if (byte == unknown) return need_more();
    if (in(digit | upper, byte)) {
      text.add(byte);
    } else if (byte == ' ' && text.size % 4 == 0 && (grouped || text.size == 4) &&
               in(digit | upper, place[at - 1])) {
      grouped = true;
    } else {
      return no_match();
    }
  }
  if (place[at] == unknown) return need_more();
  if (in(word, place[at]) || !iban_holds(text.view())) return no_match();
  return match_of(at);
}

}  // namespace hawser::filter
