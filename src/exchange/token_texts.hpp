#pragma once

#include "base/result.hpp"

namespace hawser::exchange {

/// Of a request that asks for its answer's text token by token, or word by word, where a policy
/// must see the text as one.
inline Error token_texts_refused() {
  return {.code = Code::filtered,
          .message =
              "Log probabilities, tokens and words repeat the answer in pieces, which the data "
              "filter that concerns this request cannot follow: ask for none.",
          .param = "logprobs",
          .client_may_retry = false};
}

}  // namespace hawser::exchange
