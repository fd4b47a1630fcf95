#include <algorithm>
#include <optional>

#include "base/letters.hpp"
#include "base/name_pattern.hpp"
#include "policy/expression.hpp"

namespace hawser::policy {
namespace {

using Node = Expression::Node;
using Op = Expression::Op;
using Field = Name::Field;
using List = std::span<const std::string>;

/// A part's value; where it has none, both are empty and `truth` is unknown.
struct Value {
  Truth truth = Truth::unknown;
  std::optional<std::string_view> text{};
  std::optional<List> list{};
};

Value told(std::string_view text) {
  return {.text = text};
}
Value set(std::string_view text) {
  return text.empty() ? Value() : told(text);
}
Value set(std::optional<bool> flag) {
  if (!flag) return {};
  return {.truth = *flag ? Truth::yes : Truth::no};
}
Value set(const std::vector<std::string>& list) {
  if (list.empty()) return {};
  return {.list = List(list)};
}

Value of_request(Field field, const Asker& asker) {
  switch (field) {
    case Field::tenant:
      return told(asker.tenant);
    case Field::team:
      return told(asker.team);
    case Field::key:
      return told(asker.key);
    case Field::model:
      return set(asker.model);  // of some requests it is not known
    case Field::data_class:
      return told(asker.data_class);
    default:
      return {};
  }
}

Value of_tags(const Name& name, const Tags& tags) {
  switch (name.field) {
    case Field::region:
      return set(tags.region);
    case Field::country:
      return set(tags.country);
    case Field::zone:
      return set(tags.zone);
    case Field::operated_by:
      return set(tags.operated_by);
    case Field::legal:
      return set(tags.legal);
    case Field::zdr:
      return set(tags.zdr);
    case Field::train:
      return set(tags.train);
    case Field::global:
      return set(tags.global);
    case Field::label: {
      const auto* label = config::find(tags.labels, name.label);
      return label == nullptr ? Value() : set(*label);
    }
    default:
      return {};
  }
}

Value value_of(const Name& name, const Things& things) {
  if (name.root == Name::Root::request) {
    return things.request == nullptr ? Value() : of_request(name.field, *things.request);
  }
  if (name.field == Field::name) return set(things.target_name);
  const Tags* const tags = name.root == Name::Root::target ? things.target : things.node;
  return tags == nullptr ? Value() : of_tags(name, *tags);
}

bool present(const Value& value) {
  if (value.text) return !value.text->empty();
  return value.list || value.truth != Truth::unknown;
}

Truth truth_of(bool holds) {
  return holds ? Truth::yes : Truth::no;
}
Truth negated(Truth truth) {
  return static_cast<Truth>(2 - static_cast<int>(truth));
}

class Evaluation {
 public:
  Evaluation(const std::vector<Node>& nodes, const Things& things)
      : nodes_(nodes), things_(things) {}

  Truth truth(std::uint32_t at) const {
    const Node& node = nodes_[at];
    switch (node.op) {
      case Op::has:
        return truth_of(present(value_of(node.name, things_)));
      case Op::negation:
        return negated(truth(node.left));
      case Op::both:
        return std::min(truth(node.left), truth(node.right));
      case Op::either:
        return std::max(truth(node.left), truth(node.right));
      case Op::equal:
        return equal(node);
      case Op::unequal:
        return negated(equal(node));
      case Op::in:
        return in(node);
      default:
        return value(at).truth;
    }
  }

 private:
  Value value(std::uint32_t at) const {
    const Node& node = nodes_[at];
    if (node.op == Op::name) return value_of(node.name, things_);
    if (node.op != Op::literal) return {.truth = truth(at)};
    if (node.type == Type::text) return told(node.text);
    if (node.type == Type::list) return {.list = List(node.list)};
    return {.truth = truth_of(node.truth)};
  }

  bool is_of_request(std::uint32_t at, Field field) const {
    const Node& node = nodes_[at];
    return node.op == Op::name && node.name.root == Name::Root::request && node.name.field == field;
  }
  bool is_model(std::uint32_t at) const { return is_of_request(at, Field::model); }
  /// The client's own word for its data: "PII" is no other than "pii".
  bool is_word(std::uint32_t at) const { return is_of_request(at, Field::data_class); }
  /// Other spellings may mean the same to whoever takes it: of those nobody knows.
  static Truth same_model(std::string_view asked, std::string_view wanted) {
    if (asked == wanted) return Truth::yes;
    return may_cover(wanted, asked) ? Truth::unknown : Truth::no;
  }

  Truth equal(const Node& node) const {
    const Value left = value(node.left), right = value(node.right);
    if (is_model(node.left) || is_model(node.right)) {
      if (!left.text || !right.text) return Truth::unknown;
      return is_model(node.left) ? same_model(*left.text, *right.text)
                                 : same_model(*right.text, *left.text);
    }
    if (nodes_[node.left].type == Type::text) {
      if (!left.text || !right.text) return Truth::unknown;
      const bool word = is_word(node.left) || is_word(node.right);
      return truth_of(word ? same_letters(*left.text, *right.text) : *left.text == *right.text);
    }
    if (left.truth == Truth::unknown || right.truth == Truth::unknown) return Truth::unknown;
    return truth_of(left.truth == right.truth);
  }

  Truth in(const Node& node) const {
    const Value one = value(node.left), all = value(node.right);
    if (!one.text || !all.list) return Truth::unknown;
    if (is_model(node.left)) {
      Truth best = Truth::no;
      for (const auto& wanted : *all.list) best = std::max(best, same_model(*one.text, wanted));
      return best;
    }
    if (is_word(node.left)) {
      return truth_of(std::any_of(all.list->begin(), all.list->end(), [&](std::string_view word) {
        return same_letters(*one.text, word);
      }));
    }
    return truth_of(std::find(all.list->begin(), all.list->end(), *one.text) != all.list->end());
  }

  const std::vector<Node>& nodes_;
  const Things& things_;
};

}  // namespace

Truth Expression::truth(const Things& things) const {
  return Evaluation(nodes_, things).truth(static_cast<std::uint32_t>(nodes_.size() - 1));
}

std::vector<std::string> Expression::missing(const Things& things) const {
  std::vector<std::string> names;
  for (const Node& node : nodes_) {
    if (node.op != Op::name || present(value_of(node.name, things))) continue;
    if (node.name.root == Name::Root::request) continue;
    if (std::find(names.begin(), names.end(), node.text) == names.end()) names.push_back(node.text);
  }
  return names;
}

}  // namespace hawser::policy
