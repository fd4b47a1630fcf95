#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace hawser::dialect {

/// What the gateway must know of a JSON request; everything else stays bytes.
struct RequestFacts {
  std::string model{};         // decoded
  std::string_view user{};     // a token in the body: "user" or its later name
  std::uint32_t model_at = 0;  // where it stands in the body: a JSON token with its quotes, or
  std::uint32_t model_size = 0;
  std::uint32_t output_max = 0;  // tokens: max_tokens and its later names; 0: not said
  bool has_model = false;
  bool form = false;  // the model is the bare value of a form's field
  bool stream = false;
};

/// Reads the top level of a JSON request and steps over everything below it: no tree, no copy, no
/// number parsed. On every text that is valid JSON it sees what any parser sees; a text that is not
/// goes on to the provider, whose error is the better one, unless the top level itself is unclear.
///
/// Errors: invalid_request when it is not one JSON object, or when "model" or "stream" stands
/// twice: two programs that read it differently would allow one model and serve another; too_large
/// above 4 GiB.
Result<> peek_request(std::string_view body, RequestFacts& facts);

}  // namespace hawser::dialect
