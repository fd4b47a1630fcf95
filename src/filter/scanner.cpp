#include "filter/scanner.hpp"

#include <algorithm>

namespace hawser::filter {
namespace {

bool is_label(std::string_view label) {
  return label.size() >= 2 && label.size() <= 16 &&
         std::all_of(label.begin(), label.end(), [](char c) { return in(upper, c); });
}

}  // namespace

Result<std::shared_ptr<const Scanner>> Scanner::compile(std::vector<Rule> rules) {
  const std::shared_ptr<Scanner> scanner(new Scanner);
  if (rules.size() > 256) {
    return Error{.code = Code::invalid_request, .message = "at most 256 rules"};
  }
  scanner->rules_ = std::move(rules);
  for (std::size_t i = 0; i < scanner->rules_.size(); ++i) {
    if (auto added = scanner->add(i); !added) {
      Error error = added.error();
      error.message = "rule " + scanner->rules_[i].name + ": " + error.message;
      return error;
    }
  }
  return std::shared_ptr<const Scanner>(scanner);
}

Result<> Scanner::add(std::size_t rule) {
  const Rule& source = rules_[rule];
  const auto* detector = std::get_if<Detector>(&source.looks_for);
  std::string label = source.label;
  if (label.empty()) label = detector != nullptr ? label_of(*detector) : "TEXT";
  if (!is_label(label)) {
    return Error{.code = Code::invalid_request, .message = "a label has 2 to 16 capital letters"};
  }
  labels_.push_back(label);
  Part part;
  if (source.action == Action::flag) part.flag_index = static_cast<std::uint8_t>(flags_count_++);
  if (detector != nullptr) {
    want(*detector);
  } else if (const auto* keywords = std::get_if<Keywords>(&source.looks_for)) {
    auto set = KeywordSet::compile(*keywords);
    if (!set) return set.error();
    part.index = static_cast<std::uint8_t>(keyword_sets_.size());
    keyword_sets_.push_back(std::move(*set));
  } else {
    const auto& expression = std::get<Expression>(source.looks_for);
    if (expressions_.size() == 32) {
      return Error{.code = Code::invalid_request, .message = "at most 32 expressions"};
    }
    auto compiled = CompiledExpression::compile(expression);
    if (!compiled) return compiled.error();
    part.index = static_cast<std::uint8_t>(expressions_.size());
    expressions_.push_back(std::move(*compiled));
    size_max_ = std::max(size_max_, expression.size_max);
  }
  parts_.push_back(part);
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (!may_begin(rule, static_cast<unsigned char>(byte))) continue;
    by_first_.at(byte).push_back(static_cast<std::uint8_t>(rule));
    if (detector != nullptr) wanted_.first.at(byte) = true;
  }
  return {};
}

bool Scanner::may_begin(std::size_t rule, unsigned char byte) const {
  const auto& source = rules_[rule].looks_for;
  if (const auto* detector = std::get_if<Detector>(&source)) {
    return filter::may_begin(*detector, byte);
  }
  const std::size_t index = parts_[rule].index;
  if (std::holds_alternative<Keywords>(source)) return keyword_sets_[index].may_begin(byte);
  return expressions_[index].may_begin(byte);
}

void Scanner::want(Detector detector) {
  any_detector_ = true;
  switch (detector) {
    case Detector::credential:
    case Detector::private_key:
    case Detector::jwt:
      wanted_.keys = true;
      return;
    case Detector::assigned_secret:
      wanted_.assignments = true;
      return;
    case Detector::email:
      wanted_.addresses = true;
      return;
    case Detector::phone:
    case Detector::resident_id:
    case Detector::bank_card:
      wanted_.numbers = true;
      return;
    case Detector::credit_code:
      wanted_.numbers = wanted_.codes = true;
      return;
    case Detector::iban:
    case Detector::passport:
      wanted_.codes = true;
      return;
    case Detector::ip:
      wanted_.numbers = wanted_.hexes = true;
      return;
    case Detector::mac:
      wanted_.hexes = true;
      return;
    case Detector::licence_plate:
      wanted_.plates = true;
      return;
  }
}

void Scanner::mark(std::string_view text, std::size_t from, Marks& marks) const {
  if (any_detector_) filter::mark(text, from, wanted_, marks);
  for (const KeywordSet& set : keyword_sets_) set.mark(text, from, marks);
}

Verdict Scanner::match(std::size_t rule, const Place& place) const {
  const auto& source = rules_[rule].looks_for;
  if (const auto* detector = std::get_if<Detector>(&source)) return detect(*detector, place);
  const std::size_t index = parts_[rule].index;
  if (std::holds_alternative<Keywords>(source)) return keyword_sets_[index].match(place);
  return expressions_[index].match(place);
}

}  // namespace hawser::filter
