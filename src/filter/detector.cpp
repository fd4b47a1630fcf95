#include "filter/detector.hpp"

#include <algorithm>
#include <array>

#include "filter/key_format.hpp"

namespace hawser::filter {
namespace {

struct Row {
  std::string_view name, label;
  Verdict (*detect)(const Place&);
  ByteSet first;           // bytes that it may begin with
  std::string_view other;  // and these
};
constexpr std::array<Row, detectors_count> rows{{
    {"credential", "KEY", detect_credential, 0, ""},  // see may_begin
    {"private_key", "PRIVATEKEY", detect_private_key, 0, "-"},
    {"jwt", "JWT", detect_jwt, 0, "e"},
    {"assigned_secret", "SECRET", detect_assigned_secret, 0, "=:"},
    {"email", "EMAIL", detect_email, word, ""},
    {"phone", "PHONE", detect_phone, digit, "+"},
    {"resident_id", "ID", detect_resident_id, digit, ""},
    {"credit_code", "COMPANY", detect_credit_code, digit | upper, ""},
    {"bank_card", "CARD", detect_bank_card, digit, ""},
    {"iban", "IBAN", detect_iban, upper, ""},
    {"passport", "PASSPORT", detect_passport, 0, "EGDSP"},
    {"ip", "IP", detect_ip, hex, ""},
    {"mac", "MAC", detect_mac, hex, ""},
    {"licence_plate", "PLATE", detect_licence_plate, 0, "\xe4\xe5\xe6\xe7\xe8\xe9"},
}};

const Row& row_of(Detector detector) {
  return rows.at(static_cast<std::size_t>(detector));
}

}  // namespace

std::string_view name_of(Detector detector) {
  return row_of(detector).name;
}

std::optional<Detector> detector_of(std::string_view name) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.at(i).name == name) return static_cast<Detector>(i);
  }
  return std::nullopt;
}

std::string_view label_of(Detector detector) {
  return row_of(detector).label;
}

bool is_secret(Detector detector) {
  return detector <= Detector::assigned_secret;
}

bool may_begin(Detector detector, unsigned char byte) {
  const Row& row = row_of(detector);
  const char c = static_cast<char>(byte);
  if (detector == Detector::credential) {
    const auto formats = key_formats();
    return std::any_of(formats.begin(), formats.end(),
                       [c](const KeyFormat& format) { return format.prefix.front() == c; });
  }
  return in(row.first, c) || row.other.find(c) != std::string_view::npos;
}

Verdict detect(Detector detector, const Place& place) {
  return row_of(detector).detect(place);
}

}  // namespace hawser::filter
