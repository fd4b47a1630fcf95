#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "filter/verdict.hpp"

/// What is found by its form and its check characters. Sources: GB 11643 (resident ID), GB 32100
/// (unified social credit code), ISO/IEC 7812 (cards), ISO 13616 (IBAN), E.164, RFC 4291, GA 36.
namespace hawser::filter {

enum class Detector : std::uint8_t {
  credential,       // keys that are told by how they begin
  private_key,      // PEM blocks
  jwt,              // RFC 7519
  assigned_secret,  // key=..., password: ... with a value of high entropy
  email,
  phone,        // E.164 with its +, mainland China mobile
  resident_id,  // China, 18 characters
  credit_code,  // China, unified social credit code
  bank_card,
  iban,
  passport,  // China
  ip,        // both versions
  mac,
  licence_plate,  // China
};
inline constexpr std::size_t detectors_count = 14;

/// At most this much is held back until it is decided, in bytes.
inline constexpr std::size_t personal_size_max = 128;
inline constexpr std::size_t secret_size_max = 256;

/// The name in the configuration, such as "bank_card".
std::string_view name_of(Detector detector);
std::optional<Detector> detector_of(std::string_view name);
/// The word in masks and pseudonyms, such as "CARD".
std::string_view label_of(Detector detector);
bool is_secret(Detector detector);
/// Whether `detector` may find something that begins with `byte`.
bool may_begin(Detector detector, unsigned char byte);

/// What `detector` says about `place`.
Verdict detect(Detector detector, const Place& place);

Verdict detect_credential(const Place& place);
Verdict detect_private_key(const Place& place);
Verdict detect_jwt(const Place& place);
Verdict detect_assigned_secret(const Place& place);
Verdict detect_email(const Place& place);
Verdict detect_phone(const Place& place);
Verdict detect_resident_id(const Place& place);
Verdict detect_credit_code(const Place& place);
Verdict detect_bank_card(const Place& place);
Verdict detect_iban(const Place& place);
Verdict detect_passport(const Place& place);
Verdict detect_ip(const Place& place);
Verdict detect_mac(const Place& place);
Verdict detect_licence_plate(const Place& place);

}  // namespace hawser::filter
