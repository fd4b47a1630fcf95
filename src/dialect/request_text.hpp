#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace hawser::dialect {

/// What a request gives its model to read: the texts of its messages, input, prompt, instructions
/// and tools, at any depth, decoded. Images, sounds and files that stand in it as base64 are not
/// text: they are counted.
struct RequestText {
  std::uint64_t messages = 0;
  std::uint64_t attachments = 0;
};
/// @param body  JSON of chat, completions, responses, embeddings, messages
/// @param each  gets each text; the view lives until it returns
RequestText for_each_text(std::string_view body,
                          const std::function<void(std::string_view text)>& each);

}  // namespace hawser::dialect
