#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/name_table.hpp"
#include "dialect/canonical_name.hpp"

/// Requests may ask for an answer's text a second time, token by token: log probabilities, token
/// ids, details. A policy that follows texts does not see one that is cut so.
namespace hawser::dialect {

inline constexpr auto token_text_names = exact_names(std::to_array<std::string_view>(
    {"decoderinputdetails", "details", "nprobs", "outputscores", "postsamplingprobs",
     "returnhiddenstates", "returnlogits", "returnprobs", "returnpromptlogprobs",
     "returntextinlogprobs", "returntokenids", "returntokens", "returntokensastokenids",
     "tokenprobs", "topntokens"}));

/// Whether a member's name asks for that, in any case and spelling: OpenAI's, Gemini's, and those
/// of vLLM, SGLang, llama.cpp and text-generation-inference.
/// @param name  as canonical_name() gives it
inline bool names_token_texts(std::string_view name) {
  return token_text_names.has(name) || name.find("logprob") != std::string_view::npos;
}

/// Whether a format of transcriptions repeats their text in tokens or words: "verbose_json".
inline bool repeats_texts(std::string_view format) {
  std::string scratch;
  return canonical_name(format, scratch).find("verbose") != std::string_view::npos;
}

/// Whether a value is a no. A 0 is one only where it counts alternatives: `logprobs: 0` of a
/// completion gives each token that was taken.
/// @param token  of a number, word or string as it stands in the body
inline bool asks_for_none(std::string_view name, std::string_view token) {
  if (token == "false" || token == "null") return true;
  return token == "0" && (name == "top_logprobs" || name == "n_probs" || name == "top_n_tokens");
}

}  // namespace hawser::dialect
