// However the bytes are cut, the same leaves and the same is found; what was made a pseudonym
// comes back.
#include <cstddef>
#include <cstdint>

#include "filter/restorer.hpp"
#include "filter/stream.hpp"

namespace {

using namespace hawser::filter;

std::shared_ptr<const Scanner> scanner_of(Action action) {
  std::vector<Rule> rules = default_rules(Direction::prompt);
  rules.push_back({.looks_for = Keywords{.words = {"he", "she", "hers", "\xe4\xba\xac"}}});
  rules.push_back({.looks_for = Expression{.pattern = "\\b(ab|a.c)+d?\\b|[^a]z$", .size_max = 40}});
  for (Rule& rule : rules) rule.action = action;
  rules.push_back({.looks_for = Expression{.pattern = "[0-9]{3}"}, .action = Action::flag});
  return *Scanner::compile(std::move(rules));
}

Output filtered(const std::shared_ptr<const Scanner>& scanner, Vault& vault, std::string_view text,
                std::uint8_t piece) {
  Stream stream(scanner, vault);
  Output out;
  if (piece == 0) stream.feed(text, {}, out);
  for (std::size_t at = 0; piece > 0 && at < text.size(); at += piece) {
    stream.feed(text.substr(at, piece), {}, out);
  }
  stream.flush(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto masking = scanner_of(Action::mask), renaming = scanner_of(Action::pseudonymise);
  if (size < 2) return 0;
  const std::uint8_t piece = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Vault vault("key");
  if (filtered(masking, vault, text, 0) != filtered(masking, vault, text, piece)) __builtin_trap();

  const Output sent = filtered(renaming, vault, text, piece);
  Restorer whole(vault), cut(vault);
  std::string back, back_of_bytes;
  whole.feed(sent.text, back);
  whole.flush(back);
  for (const char c : sent.text) cut.feed({&c, 1}, back_of_bytes);
  cut.flush(back_of_bytes);
  if (back != back_of_bytes) __builtin_trap();
  return 0;
}
