#include "dialect/stream_texts.hpp"

#include <algorithm>
#include <cstring>

#include "base/plain_escapes.hpp"
#include "dialect/delta_text.hpp"
#include "dialect/rewrite_text.hpp"
#include "wire/characters.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {

namespace {

/// Of what was told: the last event of a longer answer, which repeats it, is judged once more.
constexpr std::size_t told_max = 1024 * 1024;  // bytes
constexpr std::size_t padding_max = 64;        // bytes

/// Linear in both sizes, whatever they hold, as std::string_view::find() is not.
bool contains(std::string_view text, std::string_view part) {
  if (text.empty() || part.empty()) return part.empty();
  return ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

/// Keeps the end of what was told, no longer than twice `told_max`.
void remember(std::string& told, std::string_view text) {
  if (told.size() > 2 * told_max) told.erase(0, told.size() - told_max);
  told.append(text);
}

/// Random letters by which OpenAI hides the sizes of its events. They are new in each of them.
bool is_padding(const FoundText& found) {
  return found.name == "obfuscation" && found.text.size() <= padding_max &&
         std::all_of(found.text.begin(), found.text.end(),
                     [](char c) { return wire::is_alnum(static_cast<unsigned char>(c)); });
}

}  // namespace

bool StreamTexts::told(std::string_view text) const {
  return contains(told_.pieces, text) || contains(told_.wholes, text);
}

bool StreamTexts::take(std::string_view frame, AddedTexts& added) {
  const auto parts = wire::frame_parts(frame, scratch_);
  if (!parts.has_data || parts.data.empty() || parts.data == "[DONE]") return true;
  if (!parts.data.starts_with('{')) return false;
  const std::size_t before = added.pieces.size();
  append_all_deltas(api_, frame, added.pieces);
  remember(told_.pieces, std::string_view(added.pieces).substr(before));
  const auto read = rewrite_texts(parts.data, [&](const FoundText& found, std::string&) {
    if (found.text.empty() || is_padding(found)) return false;
    const std::string text = found.json ? with_plain_escapes(found.text) : std::string(found.text);
    if (told(text)) return false;
    added.wholes.append(text).append("\n");
    remember(told_.wholes, text);
    remember(told_.wholes, "\n");
    return false;
  });
  return read.has_value();
}

bool StreamTexts::feed(std::string_view frames, AddedTexts& added) {
  while (!frames.empty()) {
    const std::size_t size = wire::first_frame(frames).size;
    if (!take(frames.substr(0, size), added)) return false;
    frames.remove_prefix(size);
  }
  return true;
}

}  // namespace hawser::dialect
