#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "filter/marks.hpp"
#include "filter/rule.hpp"

namespace hawser::filter {

/// A list of rules made ready. Immutable: threads share it.
///
/// The law of a scan, whatever the cuts: from left to right, at each place the first rule of the
/// list that matches wins, and the scan goes on behind the match. Rules that only flag do not
/// hide what they find from the others.
class Scanner {
 public:
  /// Fails with the name of the rule that is wrong and why. At most 256 rules, 32 of expressions.
  static Result<std::shared_ptr<const Scanner>> compile(std::vector<Rule> rules);

  const std::vector<Rule>& rules() const { return rules_; }
  const std::string& label(std::size_t rule) const { return labels_[rule]; }
  /// Most bytes of a match that are held back.
  std::size_t size_max() const { return size_max_; }
  std::size_t expressions_count() const { return expressions_.size(); }
  std::size_t flags_count() const { return flags_count_; }
  /// Number of a rule among those that flag.
  std::size_t flag_index(std::size_t rule) const { return parts_[rule].flag_index; }

  /// Marks where rules other than expressions may match in `text` from `from` on.
  void mark(std::string_view text, std::size_t from, Marks& marks) const;
  /// The first place from `place` on where the expression may match.
  std::size_t next_expression(std::size_t number, const Place& place) const {
    return expressions_[number].next(place);
  }
  /// The rules that something which begins with `byte` may match, in their order.
  std::span<const std::uint8_t> rules_for(unsigned char byte) const { return by_first_[byte]; }
  Verdict match(std::size_t rule, const Place& place) const;

 private:
  /// What a rule was made into.
  struct Part {
    std::uint8_t index = 0;  // in keyword_sets_ or expressions_
    std::uint8_t flag_index = 0;
  };

  Scanner() = default;
  Result<> add(std::size_t rule);
  bool may_begin(std::size_t rule, unsigned char byte) const;
  void want(Detector detector);

  std::vector<Rule> rules_;
  std::vector<std::string> labels_;
  std::vector<Part> parts_;
  std::vector<KeywordSet> keyword_sets_;
  std::vector<CompiledExpression> expressions_;
  std::array<std::vector<std::uint8_t>, 256> by_first_;
  Wanted wanted_;
  bool any_detector_ = false;
  std::size_t size_max_ = secret_size_max;
  std::size_t flags_count_ = 0;
};

}  // namespace hawser::filter
