#include "tokenizer/encoding.hpp"

#include <cstddef>

namespace hawser::tokenizer {

std::optional<Encoding> encoding_named(std::string_view name) {
  if (name.ends_with("_base")) name.remove_suffix(5);
  if (name == "o200k") return Encoding::o200k;
  if (name == "cl100k") return Encoding::cl100k;
  return std::nullopt;
}

Encoding encoding_for(std::string_view model) {
  if (const auto slash = model.rfind('/'); slash != model.npos) model.remove_prefix(slash + 1);
  if (model.starts_with("ft:")) model.remove_prefix(3);
  // Of two that fit the first counts: gpt-4o is no gpt-4.
  for (const char* family : {"gpt-4o", "gpt-4.1", "gpt-4.5"}) {
    if (model.starts_with(family)) return Encoding::o200k;
  }
  for (const char* family : {"gpt-4", "gpt-3.5", "gpt-35", "text-embedding-3",
                             "text-embedding-ada-002", "davinci-002", "babbage-002"}) {
    if (model.starts_with(family)) return Encoding::cl100k;
  }
  return Encoding::o200k;
}

}  // namespace hawser::tokenizer
