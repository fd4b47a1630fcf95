#pragma once

#include <string>
#include <string_view>

namespace hawser {

/// `text` with every credential in it replaced by "[redacted]": keys in the formats of the known
/// providers and our own, bearer tokens, key headers and JSON members, key query parameters, JWTs,
/// PEM private keys and passwords in URLs. For text that must be logged though others wrote it.
/// Linear in the text.
std::string redact(std::string_view text);

}  // namespace hawser
