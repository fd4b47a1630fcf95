#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "filter/detector.hpp"
#include "filter/expression.hpp"
#include "filter/keyword_set.hpp"

namespace hawser::filter {

/// What becomes of what was found.
enum class Action : std::uint8_t {
  mask,          // "[EMAIL]" or a fixed text
  hash,          // "EMAIL#3f9a0c12b7de": one value, one hash under the same key
  pseudonymise,  // "EMAIL_7Q2XK", which the restorer turns back
  drop,          // nothing
  block,         // the text ends before it
  flag,          // it stays and is counted
};

struct Rule {
  std::string name = {};  // in findings and metrics
  std::variant<Detector, Keywords, Expression> looks_for = Detector::credential;
  Action action = Action::mask;
  /// What stands in masks, hashes and pseudonyms: 2 to 16 capital letters; empty: the detector's
  /// own, "TEXT" for others.
  std::string label = {};
  std::string replacement = {};  // of mask; empty: "[LABEL]"
};

/// Something that was found.
struct Finding {
  std::size_t rule = 0;        // its number in the list
  std::string_view what = {};  // kind of credential, such as "openai_key"; a literal or empty
  std::uint64_t begin = 0;     // in the text as it came, in bytes
  std::uint64_t size = 0;
  bool block = false;  // it ended the text

  bool operator==(const Finding&) const = default;
};

enum class Direction : std::uint8_t { prompt, answer };

/// Every detector with its default action, secrets first. Answers lack assigned secrets: code that
/// a model writes is full of what looks like them.
std::vector<Rule> default_rules(Direction direction);

}  // namespace hawser::filter
