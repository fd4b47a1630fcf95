// The policy against another one that was written to be obviously right: it walks the trees that
// the expressions were printed from, for each target and each request, and knows no bit sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "policy/policy.hpp"

namespace hawser::policy {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int policies = 1'000;
#else
constexpr int policies = 20'000;
#endif
constexpr int requests = 50;  // of each policy

using Strings = std::vector<std::string>;
std::mt19937_64 dice(20'260'101);

int draw(int count) {
  return static_cast<int>(dice() % static_cast<std::uint64_t>(count));
}
bool one_in(int count) {
  return draw(count) == 0;
}
template <class T>
const T& any_of(const std::vector<T>& list) {
  return list[static_cast<std::size_t>(draw(static_cast<int>(list.size())))];
}

const Strings regions{"eu", "us", "ap"}, countries{"DE", "FR", "US"}, zones{"z1", "z2", "z3"},
    operators{"acme", "other"}, areas{"gdpr", "ccpa"}, tiers{"gold", "iron"},
    tenants{"a", "b", "c"}, keys{"k1", "k2"}, classes{"", "pii"};

Tags draw_tags() {
  Tags tags;
  if (!one_in(4)) tags.region = any_of(regions);
  if (!one_in(4)) tags.country = any_of(countries);
  if (!one_in(3)) tags.zone = any_of(zones);
  if (one_in(2)) tags.operated_by = any_of(operators);
  for (const auto& area : areas) {
    if (one_in(2)) tags.legal.push_back(area);
  }
  for (auto* flag : {&tags.zdr, &tags.train, &tags.global}) {
    if (!one_in(3)) *flag = one_in(2);
  }
  if (one_in(2)) tags.labels = {{"tier", any_of(tiers)}};
  return tags;
}

// --- conditions as trees

struct Tree {
  enum Kind { flag, same, other, among, holds, present, no, both, either, constant } kind;
  std::string name{};     // "target.region", "tenant"
  std::string second{};   // a name to compare with
  std::string literal{};  // or a text
  Strings list{};
  bool value = false;
  std::vector<Tree> parts{};
};

using Texts = std::vector<std::pair<std::string, const Strings*>>;
const Texts target_texts{{"region", &regions},
                         {"country", &countries},
                         {"zone", &zones},
                         {"operator", &operators},
                         {"labels.tier", &tiers}};
const Texts request_texts{
    {"tenant", &tenants}, {"request.key", &keys}, {"request.data_class", &classes}};

Tree draw_leaf(bool of_targets) {
  const std::string root = of_targets ? (one_in(6) ? "node." : "target.") : "";
  const auto& [name, values] = any_of(of_targets ? target_texts : request_texts);
  Tree tree{.kind = Tree::constant};
  switch (draw(of_targets ? 9 : 4)) {
    case 0:
      return {.kind = Tree::same, .name = root + name, .literal = any_of(*values)};
    case 1:
      return {.kind = Tree::other, .name = root + name, .literal = any_of(*values)};
    case 2:
    case 3:
      tree = {.kind = Tree::among, .name = root + name};
      for (const auto& value : *values) {
        if (one_in(2)) tree.list.push_back(value);
      }
      return tree;
    case 4:
      return {.kind = Tree::same, .name = "target." + name, .second = "node." + name};
    case 5:
      return {.kind = Tree::holds, .name = root + "legal", .literal = any_of(areas)};
    case 6:
      return {.kind = Tree::present, .name = root + name};
    case 7:
      return {.kind = Tree::flag, .name = root + any_of(Strings{"zdr", "train", "global"})};
    default:
      tree.value = !one_in(3);
      return tree;
  }
}

Tree draw_tree(bool of_targets, int depth) {
  if (depth == 0 || one_in(3)) return draw_leaf(of_targets);
  if (one_in(3)) return {.kind = Tree::no, .parts = {draw_tree(of_targets, depth - 1)}};
  return {.kind = one_in(2) ? Tree::both : Tree::either,
          .parts = {draw_tree(of_targets, depth - 1), draw_tree(of_targets, depth - 1)}};
}

std::string quoted(const std::string& text) {
  return one_in(2) ? "'" + text + "'" : "\"" + text + "\"";
}

std::string text_of(const Tree& tree) {
  switch (tree.kind) {
    case Tree::constant:
      return tree.value ? "true" : "false";
    case Tree::flag:
      return tree.name;
    case Tree::same:
    case Tree::other:
      return tree.name + (tree.kind == Tree::same ? " == " : "!=") +
             (tree.second.empty() ? quoted(tree.literal) : tree.second);
    case Tree::among: {
      std::string out = tree.name + " in [";
      for (const auto& one : tree.list) out += quoted(one) + ",";
      return out + "]";
    }
    case Tree::holds:
      return quoted(tree.literal) + " in " + tree.name;
    case Tree::present:
      return "has(" + tree.name + ")";
    case Tree::no:
      return "!(" + text_of(tree.parts[0]) + ")";
    case Tree::both:
      return "(" + text_of(tree.parts[0]) + ") && (" + text_of(tree.parts[1]) + ")";
    case Tree::either:
      return "(" + text_of(tree.parts[0]) + ") || (" + text_of(tree.parts[1]) + ")";
  }
  return "";
}

// --- the other policy

struct World {
  const Tags* target = nullptr;
  const Tags* node = nullptr;
  const Asker* asker = nullptr;
};
using Maybe = std::optional<bool>;

const Tags& tags_of(const World& world, const std::string& name) {
  return name.starts_with("node.") ? *world.node : *world.target;
}

std::optional<std::string> text_named(const World& world, const std::string& name) {
  if (name == "tenant") return std::string(world.asker->tenant);
  if (name == "request.key") return std::string(world.asker->key);
  if (name == "request.data_class") return std::string(world.asker->data_class);
  const Tags& tags = tags_of(world, name);
  std::string text;
  if (name.ends_with(".region")) text = tags.region;
  if (name.ends_with(".country")) text = tags.country;
  if (name.ends_with(".zone")) text = tags.zone;
  if (name.ends_with(".operator")) text = tags.operated_by;
  if (name.ends_with(".tier") && !tags.labels.empty()) text = tags.labels[0].second;
  if (text.empty()) return std::nullopt;
  return text;
}

bool contains(const Strings& list, const std::string& text) {
  for (const auto& one : list) {
    if (one == text) return true;
  }
  return false;
}

Maybe walk(const Tree& tree, const World& world) {
  switch (tree.kind) {
    case Tree::constant:
      return tree.value;
    case Tree::flag: {
      const Tags& tags = tags_of(world, tree.name);
      if (tree.name.ends_with("zdr")) return tags.zdr;
      return tree.name.ends_with("train") ? tags.train : tags.global;
    }
    case Tree::same:
    case Tree::other: {
      const auto left = text_named(world, tree.name);
      const auto right = tree.second.empty() ? std::optional<std::string>(tree.literal)
                                             : text_named(world, tree.second);
      if (!left || !right) return std::nullopt;
      return (*left == *right) == (tree.kind == Tree::same);
    }
    case Tree::among: {
      const auto left = text_named(world, tree.name);
      if (!left) return std::nullopt;
      return contains(tree.list, *left);
    }
    case Tree::holds: {
      const Strings& legal = tags_of(world, tree.name).legal;
      if (legal.empty()) return std::nullopt;
      return contains(legal, tree.literal);
    }
    case Tree::present: {
      const auto text = text_named(world, tree.name);
      return text && !text->empty();
    }
    case Tree::no: {
      const Maybe inner = walk(tree.parts[0], world);
      if (!inner) return std::nullopt;
      return !*inner;
    }
    default:
      break;
  }
  const Maybe left = walk(tree.parts[0], world), right = walk(tree.parts[1], world);
  const bool decides = tree.kind == Tree::either;  // the value that one side alone decides by
  if ((left && *left == decides) || (right && *right == decides)) return decides;
  if (!left || !right) return std::nullopt;
  return !decides;
}

struct Rule {
  RuleConfig config{};
  std::optional<Tree> when{};
  std::optional<Tree> require{};
  std::vector<Tree> prefer{};
};

struct Case {
  Policy::Given given{};
  std::vector<Rule> rules{};
};

struct Asked {
  std::string tenant{}, key{}, data_class{};
  std::size_t model = 0;
  Strings wish{};
  Asker asker() const { return {tenant, "", key, "", data_class}; }
};

bool about(const Case& one, const Rule& rule, const Asked& asked) {
  if (!rule.config.tenants.empty() && !contains(rule.config.tenants, asked.tenant)) return false;
  if (!rule.config.keys.empty() && !contains(rule.config.keys, asked.key)) return false;
  const Asker asker = asked.asker();
  if (!rule.when) return true;
  const Maybe when = walk(*rule.when, {nullptr, &one.given.node.tags, &asker});
  return !when || *when;
}

bool has_word(const Tags& tags, const std::string& word) {
  const auto equals = word.find('=');
  const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
  const auto flag = [&](const Maybe& set) { return set && (*set ? "true" : "false") == value; };
  if (name == "zdr") return flag(tags.zdr);
  if (name == "train") return flag(tags.train);
  if (name == "global") return flag(tags.global);
  if (name == "legal") return contains(tags.legal, value);
  const auto text = text_named({&tags, nullptr, nullptr}, "target." + name);
  return text && *text == value;
}

bool allowed(const Case& one, const Asked& asked, Use use, const Tags& tags) {
  const World world{&tags, &one.given.node.tags, nullptr};
  for (const auto& rule : one.rules) {
    if (!about(one, rule, asked) && !contains(asked.wish, rule.config.name)) continue;
    const auto& uses = rule.config.applies_to;
    const bool applies = uses.empty() || std::find(uses.begin(), uses.end(), use) != uses.end();
    if (!applies || !rule.require) continue;
    if (walk(*rule.require, world) != Maybe(true)) return false;
  }
  for (const auto& word : asked.wish) {
    if (word.find('=') != std::string::npos && !has_word(tags, word)) return false;
  }
  return true;
}

int steps_away(const Case& one, const Tags& there) {
  const Tags& here = one.given.node.tags;
  if (!one.given.node.nearest_first) return 0;
  if (!here.zone.empty() && here.zone == there.zone) return 0;
  if (!here.region.empty() && here.region == there.region) return 1;
  for (const auto& area : here.legal) {
    if (contains(there.legal, area)) return 2;
  }
  return 3;
}

/// Indices of the targets that may be tried, in their order.
std::vector<std::size_t> eligible_of(const Case& one, const Asked& asked) {
  const std::vector<Tree>* prefer = nullptr;
  for (const auto& rule : one.rules) {
    if (prefer == nullptr && !rule.prefer.empty() && about(one, rule, asked)) prefer = &rule.prefer;
  }
  const auto& targets = one.given.models[asked.model].targets;
  const auto liked = [&](std::size_t index) {
    std::size_t place = 0;
    if (prefer == nullptr) return place;
    const World world{&targets[index].tags, &one.given.node.tags, nullptr};
    while (place < prefer->size() && walk((*prefer)[place], world) != Maybe(true)) ++place;
    return place;
  };
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!allowed(one, asked, Use::inference, targets[i].tags)) continue;
    auto before = out.begin();
    while (before != out.end()) {
      const auto mine = std::pair(liked(i), steps_away(one, targets[i].tags));
      const auto its = std::pair(liked(*before), steps_away(one, targets[*before].tags));
      if (mine < its) break;
      ++before;
    }
    out.insert(before, i);
  }
  return out;
}

// --- random cases

Rule draw_rule(int index) {
  Rule rule;
  rule.config.name = "rule" + std::to_string(index);
  if (one_in(2)) rule.config.tenants = {any_of(tenants), any_of(tenants)};
  if (one_in(5)) rule.config.keys = {any_of(keys)};
  if (one_in(3)) rule.when = draw_tree(false, 2);
  if (!one_in(5)) rule.require = draw_tree(true, 3);
  for (int i = draw(3); i > 0 && (one_in(2) || !rule.require); --i) {
    rule.prefer.push_back(draw_tree(true, 1));
  }
  for (const auto& word : names_of(Use{})) {
    if (one_in(4)) rule.config.applies_to.push_back(word.value);
  }
  if (rule.when) rule.config.when = text_of(*rule.when);
  if (rule.require) rule.config.require = text_of(*rule.require);
  for (const auto& tree : rule.prefer) rule.config.prefer.push_back(text_of(tree));
  return rule;
}

Case draw_case() {
  Case one;
  one.given.node.tags = draw_tags();
  one.given.node.tags.labels = {{"tier", any_of(tiers)}};  // so that the label is known
  one.given.node.nearest_first = !one_in(4);
  for (int m = 1 + draw(3); m > 0; --m) {
    auto& model = one.given.models.emplace_back();
    for (int t = 1 + draw(one_in(50) ? 64 : 7); t > 0; --t) {
      model.targets.push_back({"t" + std::to_string(t), draw_tags()});
    }
  }
  constexpr Use uses[] = {Use::cache, Use::cache, Use::embedding, Use::resume_log,
                          Use::telemetry_body};
  for (const Use use : uses) one.given.services.push_back({use, {"service", draw_tags()}});
  for (int g = draw(4); g > 0; --g) one.given.services.push_back({Use::guard, {"g", draw_tags()}});
  for (int r = draw(5); r > 0; --r) one.rules.push_back(draw_rule(r));
  for (const auto& rule : one.rules) one.given.rules.push_back(rule.config);
  return one;
}

Asked draw_asked(const Case& one) {
  Asked asked{any_of(tenants), any_of(keys), any_of(classes)};
  asked.model = static_cast<std::size_t>(draw(static_cast<int>(one.given.models.size())));
  if (!one_in(3)) return asked;
  const Strings words{"region=eu", "country=FR",  "zone=z9",     "operator=acme",   "legal=gdpr",
                      "zdr=true",  "train=false", "global=true", "labels.tier=gold"};
  for (int w = 1 + draw(2); w > 0; --w) {
    const bool names_rule = one_in(2) && !one.rules.empty();
    asked.wish.push_back(names_rule ? any_of(one.rules).config.name : any_of(words));
  }
  return asked;
}

/// What one request comes to, next to what it should.
struct Trial {
  const Case& one;
  const Policy& policy;
  const Asked& asked;

  /// Walks the targets as the gateway does, with some of them dead. @return violations
  int run() const {
    std::string text;
    for (const auto& word : asked.wish) text += word + " , ";
    const auto wish = policy.wish(text);
    if (!wish) return 1;
    const Asker asker = asked.asker();
    const auto got = policy.eligible(asker, asked.model, *wish);
    const auto want = eligible_of(one, asked);
    return compare(got, want) + services(got);
  }

 private:
  int compare(const Policy::Eligible& got, const std::vector<std::size_t>& want) const {
    std::vector<std::size_t> tried;
    for (const std::uint8_t index : got.order) {
      if ((got.targets >> index & 1) != 0) tried.push_back(index);
    }
    const Set dead = dice();
    const auto alive = [&](std::size_t index) { return (dead >> index & 1) == 0; };
    const auto served = std::find_if(tried.begin(), tried.end(), alive);
    const auto due = std::find_if(want.begin(), want.end(), alive);
    const bool same_end = (served == tried.end()) == (due == want.end());
    int violations = tried == want && same_end ? 0 : 1;
    if (served != tried.end() && (due == want.end() || *served != *due)) ++violations;
    if (tried.empty() && (got.bound == nullptr || got.bound->name.empty())) ++violations;
    return violations;
  }

  int services(const Policy::Eligible& got) const {
    int violations = 0;
    for (std::size_t s = 0; s < one.given.services.size(); ++s) {
      const auto& service = one.given.services[s];
      const bool may = allowed(one, asked, service.use, service.resource.tags);
      if (((got.grants.bits() >> s & 1) != 0) != may) ++violations;
    }
    return violations;
  }
};

TEST(ResidencyOracle, NoRequestGoesWhereAWalkOverTheTreesWouldNotLetIt) {
  long decisions = 0, violations = 0, refused = 0;
  for (int p = 0; p < policies; ++p) {
    const Case one = draw_case();
    std::vector<config::Problem> problems;
    const auto policy = Policy::compile(one.given, problems);
    ASSERT_TRUE(problems.empty()) << problems[0].path << ": " << problems[0].reason;
    for (int r = 0; r < requests; ++r) {
      const Asked asked = draw_asked(one);
      violations += Trial{one, *policy, asked}.run();
      refused += eligible_of(one, asked).empty() ? 1 : 0;
      ++decisions;
    }
  }
  std::printf("residency: %ld decisions of %d policies (%ld refused): %ld violations\n", decisions,
              policies, refused, violations);
  EXPECT_EQ(violations, 0);
  EXPECT_GT(refused, decisions / 20);
  EXPECT_LT(refused, decisions * 3 / 4);
}

}  // namespace
}  // namespace hawser::policy
