#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "exchange/notes.hpp"
#include "stage/guard/config.hpp"

namespace hawser::stage::guard {

enum class Direction : std::uint8_t { prompt, answer };

/// What a guard is to judge.
struct Question {
  std::string id{};  // of the exchange
  std::string tenant{};
  std::string model{};
  Direction direction = Direction::prompt;
  std::string text{};
  exchange::NotesPtr notes{};  // of the exchange
};

struct Verdict {
  bool allow = true;
  std::string reason{};  // the guard's own, cut to 200 bytes of printable text; may be empty
};

/// The body of a guard's request.
std::string write_question(const GuardConfig& config, const Question& question);

/// Its answer, of status 200. Error: upstream when it is not of the form.
Result<Verdict> parse_verdict(const GuardConfig& config, std::string_view body);

}  // namespace hawser::stage::guard
