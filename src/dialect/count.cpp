#include "dialect/count.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "base/json.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t digits_max = 400;  // a longer text is no number that anybody means
constexpr std::string_view blanks = " \t\r\n\f\v";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

std::optional<std::uint32_t> read_count(std::string_view value) {
  if (const auto count = short_count(value)) return count;
  constexpr auto largest = std::numeric_limits<std::uint32_t>::max();
  std::string text;
  if (value.starts_with('"')) {
    if (!decode_json_string(value, text)) return std::nullopt;
    value = text;
  }
  value = trimmed(value);
  if (value == "true") return 1;
  if (value == "false") return 0;
  if (value.starts_with('+')) value.remove_prefix(1);
  if (value.empty() || value.size() > digits_max || value.starts_with('+')) return std::nullopt;
  std::string digits;
  for (const char c : value) {
    if (c != '_') digits.push_back(c);  // as Python reads them
  }
  double number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [read, error] = std::from_chars(digits.data(), end, number);
  if (read != end || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too large, or too small to be told from 0.
    return digits.find("e-") == std::string::npos && digits.find("E-") == std::string::npos
               ? largest
               : 1;
  }
  if (!std::isfinite(number)) return std::nullopt;
  if (number <= 0) return 0;
  return number >= largest ? largest : static_cast<std::uint32_t>(std::ceil(number));
}

}  // namespace hawser::dialect
