#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::dialect {

/// A text, decoded.
struct FoundText {
  std::string_view text{};
  bool json = false;  // it is JSON itself: the arguments of a tool call
};
/// Gives a text its new form. @return false: it stays as it is
using ChangeText = std::function<bool(const FoundText& found, std::string& changed)>;

/// Rewrites what a request gives its model to read: texts of messages, input, prompt, instructions
/// and tools at any depth. Names, kinds and ids, URLs and base64 are not texts. All else stays byte
/// for byte. Nothing: nothing was changed.
std::optional<std::string> rewrite_request(std::string_view body, const ChangeText& change);

/// The same of an answer: what a model wrote, or an error says.
std::optional<std::string> rewrite_answer(std::string_view body, const ChangeText& change);

}  // namespace hawser::dialect
