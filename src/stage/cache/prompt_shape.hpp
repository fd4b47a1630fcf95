#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hawser::stage::cache {

/// A chat request as a question in its context.
struct PromptShape {
  std::string context{};   // the canonical body without the question
  std::string question{};  // the last message: the user's, and nothing but text
  double temperature = 1;
};

/// Nothing where the last message is not the user's or is not only text.
/// @param canonical  body of a chat request (canonical_request)
std::optional<PromptShape> prompt_shape(std::string_view canonical);

}  // namespace hawser::stage::cache
