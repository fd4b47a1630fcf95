#pragma once

#include <string>
#include <string_view>

#include "dialect/answer_format.hpp"

namespace hawser::dialect {

/// Appends what one event of a stream adds to the text of its answer (the first choice's). Events
/// that add none, and those that are not understood, change nothing.
/// @param frame  one event as it stands on the wire
void append_delta_text(Api api, std::string_view frame, std::string& out);

/// The same of several events: every text that is told in pieces, of all
/// choices, what a model thought and what it gave its tools included.
void append_all_deltas(AnswerFormat format, std::string_view frames, std::string& out);
inline void append_all_deltas(Api api, std::string_view frames, std::string& out) {
  append_all_deltas(format_of(api), frames, out);
}

}  // namespace hawser::dialect
