#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "policy/tags.hpp"

namespace hawser::policy {

/// What an expression comes to; unknown where it depends on a tag that is not set.
enum class Truth : std::uint8_t { no, unknown, yes };

/// Who asks for what. What is not told is empty.
struct Asker {
  std::string_view tenant{};
  std::string_view team{};
  std::string_view key{};
  std::string_view model{};
  std::string_view data_class{};  // the client's own word, x-hawser-data-class
};

/// What the names of an expression stand for.
struct Things {
  std::string_view target_name{};
  const Tags* target = nullptr;
  const Tags* node = nullptr;
  const Asker* request = nullptr;
};

/// What an expression may speak of, beside this node.
enum class About : std::uint8_t { targets, requests };

/// What the value of an expression, or of a part of it, is.
enum class Type : std::uint8_t { truth, text, list };

/// A name that stands for a value: root and field.
struct Name {
  enum class Root : std::uint8_t { target, node, request };
  enum class Field : std::uint8_t {
    name,
    region,
    country,
    zone,
    operated_by,
    legal,
    zdr,
    train,
    global,
    label,
    tenant,
    team,
    key,
    model,
    data_class
  };
  Root root = Root::target;
  Field field = Field::name;
  std::string label{};
};

/// One condition, parsed: comparisons of names and literals by ==, != and in, joined by &&, || and
/// !. Three-valued (Kleene): a tag that is not set makes what depends on it unknown, also under !.
class Expression {
 public:
  static constexpr std::size_t text_max = 4096;
  static constexpr std::size_t nodes_max = 512;
  static constexpr int depth_max = 64;

  enum class Op : std::uint8_t { literal, name, has, negation, both, either, equal, unequal, in };
  struct Node {
    Op op = Op::literal;
    Type type = Type::truth;
    std::uint32_t left = 0;  // indices of other nodes
    std::uint32_t right = 0;
    bool truth = false;
    std::string text{};  // literal; of a name, as it was written
    std::vector<std::string> list{};
    Name name{};
  };

  /// @param labels  names of tags of one's own that are set anywhere
  /// Error: invalid_request; its message begins with the place: "at 14: ..."
  static Result<Expression> parse(std::string_view text, About about,
                                  std::span<const std::string> labels);

  Truth truth(const Things& things) const;
  /// The names that have no value, as they are written: why it came to unknown.
  std::vector<std::string> missing(const Things& things) const;

 private:
  friend class Parser;
  std::vector<Node> nodes_{};  // the last one is the whole
};

}  // namespace hawser::policy
