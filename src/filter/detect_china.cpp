#include <algorithm>
#include <array>

#include "filter/check_digit.hpp"
#include "filter/detector.hpp"

namespace hawser::filter {
namespace {

// First two digits of a region code, GB/T 2260.
constexpr std::array<std::uint8_t, 35> provinces{11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34,
                                                 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
                                                 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83};

int number_of(std::string_view digits) {
  int number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  return number;
}

bool is_province(std::string_view digits) {
  return std::find(provinces.begin(), provinces.end(), number_of(digits)) != provinces.end();
}

/// "19900228"; years from 1880 to 2099.
bool is_date(std::string_view digits) {
  const int year = number_of(digits.substr(0, 4));
  const int month = number_of(digits.substr(4, 2));
  const int day = number_of(digits.substr(6, 2));
  if (year < 1880 || year > 2099 || month < 1 || month > 12 || day < 1) return false;
  constexpr std::array days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= days.at(static_cast<std::size_t>(month - 1)) + (month == 2 && leap ? 1 : 0);
}

// The characters that plates begin with, one a province, UTF-8.
// clang-format off
constexpr std::array<std::string_view, 31> plate_provinces{
    "\xe4\xba\xac", "\xe6\xb4\xa5", "\xe6\xb2\xaa", "\xe6\xb8\x9d", "\xe5\x86\x80", "\xe8\xb1\xab",
    "\xe4\xba\x91", "\xe8\xbe\xbd", "\xe9\xbb\x91", "\xe6\xb9\x98", "\xe7\x9a\x96", "\xe9\xb2\x81",
    "\xe6\x96\xb0", "\xe8\x8b\x8f", "\xe6\xb5\x99", "\xe8\xb5\xa3", "\xe9\x84\x82", "\xe6\xa1\x82",
    "\xe7\x94\x98", "\xe6\x99\x8b", "\xe8\x92\x99", "\xe9\x99\x95", "\xe5\x90\x89", "\xe9\x97\xbd",
    "\xe8\xb4\xb5", "\xe7\xb2\xa4", "\xe9\x9d\x92", "\xe8\x97\x8f", "\xe5\xb7\x9d", "\xe5\xae\x81",
    "\xe7\x90\xbc"};
// clang-format on

/// GA 36: letters but I and O.
bool in_plate(int byte) {
  return in(digit | upper, byte) && byte != 'I' && byte != 'O';
}

}  // namespace

Verdict detect_resident_id(const Place& place) {
  if (place.after(word) || !in(digit, place[0])) return no_match();
  const std::size_t size = place.run(0, digit, 18);
  if (place[size] == unknown) return need_more();
  if (size < 17) return no_match();
  if (size == 17 && place[17] != 'X' && place[17] != 'x') return no_match();
  if (place[18] == unknown) return need_more();
  if (in(word, place[18])) return no_match();
  const std::string_view text = place.rest().substr(0, 18);
  if (!is_province(text.substr(0, 2)) || !is_date(text.substr(6, 8))) return no_match();
  if (resident_check(text) != to_upper(text[17])) return no_match();
  return match_of(18);
}

Verdict detect_credit_code(const Place& place) {
  if (place.after(word) || !in(digit | upper, place[0])) return no_match();
  // Authority and kind, then the region in digits.
  const std::size_t size = place.run(0, digit | upper, 19);
  const std::size_t region = place.run(2, digit, 6);
  if (place[size] == unknown) {
    return size < 8 && region + 2 < size ? no_match() : need_more();
  }
  if (size != 18 || region < 6 || in(word, place[18])) return no_match();
  const std::string_view text = place.rest().substr(0, 18);
  if (!is_province(text.substr(2, 2)) && text.substr(2, 2) != "10") return no_match();
  if (credit_check(text) != text[17]) return no_match();
  // Digits alone are taken for a code only with a common authority: any long number might be one.
  constexpr std::array<std::string_view, 9> common{"11", "12", "13", "51", "52",
                                                   "53", "91", "92", "93"};
  if (place.run(0, digit, 18) == 18 &&
      std::find(common.begin(), common.end(), text.substr(0, 2)) == common.end()) {
    return no_match();
  }
  return match_of(18);
}

Verdict detect_passport(const Place& place) {
  if (place.after(word) || place.before() == '-' || place.before() == '#') return no_match();
  const int first = place[0];
  if (first != 'E' && first != 'G' && first != 'D' && first != 'S' && first != 'P') {
    return no_match();
  }
  const bool letter = first == 'E' && in_plate(place[1]) && in(upper, place[1]);
  const std::size_t start = letter ? 2 : 1;
  if (place[1] == unknown) return need_more();
  const std::size_t size = start + place.run(start, digit, 9 - start);
  if (place[size] == unknown) return need_more();
  if (size != 9 || in(word, place[9])) return no_match();
  if (place[9] == '.' || place[9] == '-') {  // part numbers go on
    if (place[10] == unknown) return need_more();
    if (in(word, place[10])) return no_match();
  }
  return match_of(9);
}

Verdict detect_licence_plate(const Place& place) {
  if (!in(high, place[0])) return no_match();
  const std::string_view front = place.rest().substr(0, 3);
  const auto known =
      std::find_if(plate_provinces.begin(), plate_provinces.end(),
                   [front](std::string_view name) { return name.starts_with(front); });
  if (known == plate_provinces.end()) return no_match();
  if (place[3] == unknown) return need_more();
  if (front.size() < 3 || !in_plate(place[3]) || !in(upper, place[3])) return no_match();
  std::size_t start = 4;
  constexpr std::array<std::string_view, 3> dots{"\xc2\xb7", "\xe2\x80\xa2", " "};
  for (const std::string_view mark : dots) {
    const std::string_view rest =
        place.rest().substr(std::min<std::size_t>(4, place.rest().size()));
    if (rest.starts_with(mark)) start += mark.size();
    if (!place.ended && rest.size() < mark.size() && mark.starts_with(rest)) return need_more();
    if (start > 4) break;
  }
  std::size_t size = 0, digits = 0;
  for (; size < 7 && in_plate(place[start + size]); ++size)
    digits += in(digit, place[start + size]);
  const int next = place[start + size];
  if (next == unknown) return need_more();
  if (in(word, next) || digits < 2 || size < 5 || size > 6) return no_match();
  // New energy: D or F, for electric and hybrid, at either end of six.
  const auto is_new = [&place](std::size_t at) {
    return in(upper, place[at]) && place[at] >= 'A' && place[at] <= 'K';
  };
  if (size == 6 && !is_new(start) && !is_new(start + 5)) return no_match();
  return match_of(start + size);
}

}  // namespace hawser::filter
