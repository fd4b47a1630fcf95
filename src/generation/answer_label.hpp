#pragma once

#include <string_view>

#include "generation/generation.hpp"

namespace hawser::generation {

/// What a plain answer says of itself, for policies that must read its texts.
struct AnswerLabel {
  const char* unreadable = nullptr;  // why its texts cannot be read; null: they can
  bool json = false;                 // it says that it is JSON
};

/// Its texts can be read if it says once what it is, and that is JSON or text in UTF-8.
AnswerLabel read_label(const AnswerHead& head);

/// Whether it is to be read as JSON: what begins as JSON does is, whatever its label says, since
/// clients parse it without looking at that.
bool read_as_json(const AnswerLabel& label, std::string_view body);

/// Whether what is not JSON can be read as it stands: UTF-8, and no zeros, which are what other
/// encodings look like.
bool is_plain_text(std::string_view body);

}  // namespace hawser::generation
