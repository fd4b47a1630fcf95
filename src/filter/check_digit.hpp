#pragma once

#include <string_view>

/// Check characters. The text holds the characters of the number only, no separators.
namespace hawser::filter {

/// ISO/IEC 7812: the sum of the digits, every second doubled, divides by 10.
bool luhn_holds(std::string_view digits);
/// ISO 7064 MOD 11-2 over 17 digits: what the 18th is, '0' to '9' or 'X'.
char resident_check(std::string_view digits);
/// GB 32100: what the 18th character over the first 17 is; '\0': one is not of its alphabet.
char credit_check(std::string_view characters);
/// ISO 13616: the remainder by 97 is 1. Upper case.
bool iban_holds(std::string_view text);

}  // namespace hawser::filter
