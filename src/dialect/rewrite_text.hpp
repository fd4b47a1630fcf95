#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace hawser::dialect {

/// A text, decoded.
struct FoundText {
  std::string_view text{};
  bool json = false;        // it is JSON itself: the arguments of a tool call
  std::string_view name{};  // of the nearest member, decoded; of a name, itself
  std::size_t at = 0;       // where its token begins in the JSON
};
/// Gives a text its new form. @return false: it stays as it is
using ChangeText = std::function<bool(const FoundText& found, std::string& changed)>;

/// Rewrites the texts of a JSON request or answer: every string, and every name that the protocols
/// do not define, but for words, identifiers and base64 of the protocols (text_places.hpp). All
/// else stays byte for byte. One pass: linear in the size, whatever the nesting.
///
/// @return nothing: nothing was changed. Error: invalid_request, it is not JSON, so it was not read
Result<std::optional<std::string>> rewrite_texts(std::string_view json, const ChangeText& change);

}  // namespace hawser::dialect
