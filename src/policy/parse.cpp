#include <algorithm>

#include "config/nearest.hpp"
#include "policy/expression.hpp"

namespace hawser::policy {

namespace {

using Field = Name::Field;
using Root = Name::Root;

struct Known {
  std::string_view word;
  Field field;
  Type type;
};
constexpr Known tag_fields[] = {
    {"region", Field::region, Type::text}, {"country", Field::country, Type::text},
    {"zone", Field::zone, Type::text},     {"operator", Field::operated_by, Type::text},
    {"legal", Field::legal, Type::list},   {"zdr", Field::zdr, Type::truth},
    {"train", Field::train, Type::truth},  {"global", Field::global, Type::truth},
};
constexpr Known request_fields[] = {
    {"tenant", Field::tenant, Type::text},
    {"team", Field::team, Type::text},
    {"key", Field::key, Type::text},
    {"model", Field::model, Type::text},
    {"data_class", Field::data_class, Type::text},
};

struct Entry {
  std::string word{};
  Name name{};
  Type type = Type::text;
};

/// All names that an expression may use.
std::vector<Entry> vocabulary(About about, std::span<const std::string> labels) {
  std::vector<Entry> out;
  const auto add_tags = [&](const std::string& root, Root of) {
    for (const auto& [word, field, type] : tag_fields) {
      out.push_back({root + std::string(word), {of, field, {}}, type});
    }
    for (const auto& label : labels) {
      out.push_back({root + "labels." + label, {of, Field::label, label}, Type::text});
    }
  };
  add_tags("node.", Root::node);
  if (about == About::targets) {
    add_tags("target.", Root::target);
    out.push_back({"target.name", {Root::target, Field::name, {}}, Type::text});
    return out;
  }
  for (const auto& [word, field, type] : request_fields) {
    out.push_back({"request." + std::string(word), {Root::request, field, {}}, type});
    if (field != Field::data_class) {
      out.push_back({std::string(word), {Root::request, field, {}}, type});
    }
  }
  return out;
}

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool in_name(char c) {
  return begins_name(c) || (c >= '0' && c <= '9') || c == '.';
}

const char* word_of(Type type) {
  switch (type) {
    case Type::truth:
      return "true or false";
    case Type::text:
      return "text";
    case Type::list:
      return "a list";
  }
  return "";
}

}  // namespace

/// Recursive descent; what is wrong first ends it.
class Parser {
 public:
  Parser(std::string_view text, About about, std::span<const std::string> labels)
      : text_(text), about_(about), known_(vocabulary(about, labels)) {}

  Result<Expression> parse() {
    if (text_.size() > Expression::text_max) {
      fail(0, "longer than " + std::to_string(Expression::text_max) + " characters");
      return error_;
    }
    const Index whole = either();
    if (ok() && at_ < text_.size()) fail(at_, "'" + rest() + "' is not expected here");
    if (ok()) must_be(whole, Type::truth, 0);
    if (!ok()) return error_;
    return std::move(out_);
  }

 private:
  using Op = Expression::Op;
  using Node = Expression::Node;
  using Index = std::uint32_t;

  bool ok() const { return error_.message.empty(); }
  void fail(std::size_t at, const std::string& what) {
    if (!ok()) return;
    error_.code = Code::invalid_request;
    error_.message = "at " + std::to_string(at + 1) + ": " + what;
  }
  std::string rest() const { return std::string(text_.substr(at_, 12)); }

  Index add(Node node) {
    if (out_.nodes_.size() >= Expression::nodes_max) {
      fail(at_, "more than " + std::to_string(Expression::nodes_max) + " parts");
      return 0;
    }
    out_.nodes_.push_back(std::move(node));
    return static_cast<Index>(out_.nodes_.size() - 1);
  }
  Type type_of(Index index) const { return out_.nodes_[index].type; }
  void must_be(Index index, Type type, std::size_t at) {
    if (ok() && type_of(index) != type) {
      fail(at, std::string("must be ") + word_of(type) + ", and is " + word_of(type_of(index)));
    }
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
      ++at_;
    }
  }
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    skip_blanks();
    return true;
  }
  bool take_word(std::string_view word) {
    const auto after = at_ + word.size();
    if (after < text_.size() && in_name(text_[after])) return false;
    return take(word);
  }

  Index join(Op op, std::string_view token, Index (Parser::*part)()) {
    skip_blanks();
    const std::size_t begin = at_;
    Index left = (this->*part)();
    while (ok()) {
      const std::size_t here = at_;
      if (!take(token)) break;
      must_be(left, Type::truth, begin);
      const Index right = (this->*part)();
      must_be(right, Type::truth, here + token.size());
      if (ok()) left = add({.op = op, .left = left, .right = right});
    }
    return left;
  }
  Index either() { return join(Op::either, "||", &Parser::both); }
  Index both() { return join(Op::both, "&&", &Parser::relation); }

  Index relation() {
    const std::size_t begin = at_;
    const Index left = negation();
    const std::size_t here = at_;
    if (!ok()) return 0;
    if (take("==")) return compare(Op::equal, left, here);
    if (take("!=")) return compare(Op::unequal, left, here);
    if (take_word("in")) return member(left, begin, here);
    if (at_ < text_.size() && text_[at_] == '=') fail(at_, "did you mean '=='?");
    return left;
  }
  Index compare(Op op, Index left, std::size_t at) {
    const Index right = negation();
    if (!ok()) return 0;
    if (type_of(left) == Type::list || type_of(right) == Type::list) {
      fail(at, "a list is not compared: ask with 'in'");
    } else if (type_of(left) != type_of(right)) {
      fail(at,
           std::string("compares ") + word_of(type_of(left)) + " with " + word_of(type_of(right)));
    }
    return ok() ? add({.op = op, .left = left, .right = right}) : 0;
  }
  Index member(Index left, std::size_t begin, std::size_t here) {
    const Index right = negation();
    must_be(left, Type::text, begin);
    must_be(right, Type::list, here + 2);
    return ok() ? add({.op = Op::in, .left = left, .right = right}) : 0;
  }

  Index negation() {
    skip_blanks();
    if (++depth_ > Expression::depth_max) fail(at_, "nested too deeply");
    Index index = 0;
    const bool negates =
        ok() && text_.substr(at_).starts_with('!') && !text_.substr(at_).starts_with("!=");
    if (negates) {
      const std::size_t begin = at_;
      take("!");
      index = negation();
      if (ok() && type_of(index) != Type::truth) {
        fail(begin,
             std::string("! negates ") + word_of(type_of(index)) + ": put what it is about in ( )");
      }
      if (ok()) index = add({.op = Op::negation, .left = index});
    } else if (ok()) {
      index = primary();
    }
    --depth_;
    return index;
  }

  Index primary() {
    if (at_ == text_.size()) {
      fail(at_, "something is missing here");
      return 0;
    }
    const char c = text_[at_];
    if (c == '(') return grouped();
    if (c == '"' || c == '\'') return text_literal();
    if (c == '[') return list_literal();
    if (begins_name(c)) return word();
    if (c >= '0' && c <= '9') {
      fail(at_, "there are no numbers: tags are text, or true or false");
    } else {
      fail(at_, "'" + rest() + "' is not expected here");
    }
    return 0;
  }

  Index grouped() {
    const std::size_t begin = at_;
    take("(");
    const Index inner = either();
    if (ok() && !take(")")) fail(at_, "the ( at " + std::to_string(begin + 1) + " needs a )");
    return inner;
  }

  bool quoted(std::string& out) {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out.push_back(text_[at_++]);
    }
    if (at_ == text_.size()) {
      fail(begin, "this text does not end");
      return false;
    }
    ++at_;
    skip_blanks();
    return true;
  }
  Index text_literal() {
    Node node{.type = Type::text};
    return quoted(node.text) ? add(std::move(node)) : 0;
  }
  Index list_literal() {
    Node node{.type = Type::list};
    take("[");
    bool more = !take("]");
    while (more) {
      if (at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\'')) {
        fail(at_, "a list holds texts");
        return 0;
      }
      if (!quoted(node.list.emplace_back())) return 0;
      if (take("]")) break;
      if (!take(",")) {
        fail(at_, "a list goes on with , or ends with ]");
        return 0;
      }
      more = !take("]");
    }
    return add(std::move(node));
  }

  std::string_view take_name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && in_name(text_[at_])) ++at_;
    const auto name = text_.substr(begin, at_ - begin);
    skip_blanks();
    return name;
  }
  Index word() {
    const std::size_t begin = at_;
    const std::string_view word = take_name();
    if (word == "true" || word == "false") return add({.truth = word == "true"});
    if (at_ < text_.size() && text_[at_] == '(') {
      if (word == "has") return has();
      fail(begin, "there is no function '" + std::string(word) + "', only has()");
      return 0;
    }
    const Entry* const entry = find(word, begin);
    if (entry == nullptr) return 0;
    return add(
        {.op = Op::name, .type = entry->type, .text = std::string(word), .name = entry->name});
  }
  Index has() {
    take("(");
    const std::size_t begin = at_;
    const std::string_view word = take_name();
    const Entry* const entry = find(word, begin);
    if (entry == nullptr) return 0;
    if (!take(")")) fail(at_, "has() takes one name");
    return ok() ? add({.op = Op::has, .text = std::string(word), .name = entry->name}) : 0;
  }

  const Entry* find(std::string_view word, std::size_t at) {
    for (const auto& entry : known_) {
      if (entry.word == word) return &entry;
    }
    std::string reason = "there is no '" + std::string(word) + "'";
    if (about_ == About::targets && vocabulary_has(About::requests, word)) {
      reason += " here: what is asked for belongs into when";
    } else if (about_ == About::requests && vocabulary_has(About::targets, word)) {
      reason += " here: where it may go belongs into require";
    } else {
      reason += suggestion(word);
    }
    fail(at, reason);
    return nullptr;
  }
  static bool vocabulary_has(About about, std::string_view word) {
    const auto names = vocabulary(about, {});
    return std::any_of(names.begin(), names.end(),
                       [&](const Entry& entry) { return entry.word == word; });
  }
  std::string suggestion(std::string_view word) const {
    if (word.find("labels.") != std::string_view::npos) return ": no tags have this label";
    std::vector<std::string_view> names;
    for (const auto& entry : known_) names.push_back(entry.word);
    const auto meant = config::nearest(word, names);
    if (!meant.empty()) return ": did you mean '" + std::string(meant) + "'?";
    const std::string with = (about_ == About::targets ? "target." : "request.");
    const auto meant_with = config::nearest(with + std::string(word), names);
    return meant_with.empty() ? "" : ": did you mean '" + std::string(meant_with) + "'?";
  }

  std::string_view text_;
  About about_;
  std::vector<Entry> known_;
  Expression out_{};
  Error error_{};
  std::size_t at_ = 0;
  int depth_ = 0;
};

Result<Expression> Expression::parse(std::string_view text, About about,
                                     std::span<const std::string> labels) {
  return Parser(text, about, labels).parse();
}

}  // namespace hawser::policy
