#include "filter/check_digit.hpp"

#include <array>

#include "filter/character.hpp"

namespace hawser::filter {

bool luhn_holds(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (auto it = digits.rbegin(); it != digits.rend(); ++it, twice = !twice) {
    int number = *it - '0';
    if (twice) number = number > 4 ? number * 2 - 9 : number * 2;
    sum += number;
  }
  return sum % 10 == 0;
}

char resident_check(std::string_view digits) {
  constexpr std::array weights{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  constexpr std::string_view checks = "10X98765432";
  int sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += (digits.at(i) - '0') * weights.at(i);
  return checks[static_cast<std::size_t>(sum % 11)];
}

char credit_check(std::string_view characters) {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  std::size_t sum = 0, weight = 1;
  for (std::size_t i = 0; i < 17; ++i) {
    const std::size_t number = alphabet.find(characters.at(i));
    if (number == std::string_view::npos) return '\0';
    sum += number * weight;
    weight = weight * 3 % 31;
  }
  return alphabet[(31 - sum % 31) % 31];
}

bool iban_holds(std::string_view text) {
  unsigned rest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[(i + 4) % text.size()];
    if (in(digit, c)) {
      rest = (rest * 10 + static_cast<unsigned>(c - '0')) % 97;
    } else {
      rest = (rest * 100 + static_cast<unsigned>(c - 'A') + 10) % 97;
    }
  }
  return rest == 1;
}

}  // namespace hawser::filter
