#pragma once

#include <algorithm>
#include <string>
#include <string_view>

/// Requests may ask for an answer's text a second time, token by token: log probabilities, token
/// ids, details. A policy that follows texts does not see one that is cut so.
namespace hawser::dialect {

/// Whether a member's name asks for that, in any case and spelling: OpenAI's, Gemini's, and those
/// of vLLM, SGLang, llama.cpp and text-generation-inference.
/// @param name  decoded
inline bool names_token_texts(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == '.') continue;
    plain.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
  }
  constexpr std::string_view known[] = {
      "decoderinputdetails",    "details",           "nprobs",
      "outputscores",           "postsamplingprobs", "returnhiddenstates",
      "returnlogits",           "returnprobs",       "returnpromptlogprobs",
      "returntextinlogprobs",   "returntokenids",    "returntokens",
      "returntokensastokenids", "tokenprobs",        "topntokens"};
  return plain.find("logprob") != std::string::npos ||
         std::find(std::begin(known), std::end(known), plain) != std::end(known);
}

/// Whether a value is a no. A 0 is one only where it counts alternatives: `logprobs: 0` of a
/// completion gives each token that was taken.
/// @param token  of a number, word or string as it stands in the body
inline bool asks_for_none(std::string_view name, std::string_view token) {
  if (token == "false" || token == "null") return true;
  return token == "0" && (name == "top_logprobs" || name == "n_probs" || name == "top_n_tokens");
}

}  // namespace hawser::dialect
