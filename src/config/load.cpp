#include "config/load.hpp"

#include "base/utf8.hpp"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

namespace hawser::config {
namespace {

constexpr std::size_t text_max = 4 * 1024 * 1024;
constexpr int depth_max = 32;
constexpr std::size_t nodes_max = 200'000;  // aliases counted each time they are used

/// A bound on what aliases unfold to: a few lines can otherwise stand for billions of nodes.
bool bounded(const YAML::Node& node, int depth, std::size_t& left) {
  if (depth > depth_max || left == 0) return false;
  --left;
  if (node.IsMap()) {
    for (const auto& entry : node) {
      if (!bounded(entry.first, depth + 1, left) || !bounded(entry.second, depth + 1, left)) {
        return false;
      }
    }
  } else if (node.IsSequence()) {
    for (const auto& entry : node) {
      if (!bounded(entry, depth + 1, left)) return false;
    }
  }
  return true;
}

/// Looks at where a document's content begins.
class Beginning final : public YAML::EventHandler {
 public:
  YAML::Mark mark = YAML::Mark::null_mark();

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& at, YAML::anchor_t) override { see(at); }
  void OnAlias(const YAML::Mark& at, YAML::anchor_t) override { see(at); }
  void OnScalar(const YAML::Mark& at, const std::string&, YAML::anchor_t,
                const std::string&) override {
    see(at);
  }
  void OnSequenceStart(const YAML::Mark& at, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    see(at);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& at, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    see(at);
  }
  void OnMapEnd() override {}

 private:
  void see(const YAML::Mark& at) {
    if (mark.is_null()) mark = at;
  }
};

/// Where a second document begins, if there is one. No more are looked at: what cannot begin one,
/// as a comma, yaml-cpp takes for documents without end that stay where they are.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Beginning first, second;
  const bool two = parser.HandleNextDocument(first) && parser.HandleNextDocument(second);
  if (!two) return std::nullopt;
  if (second.mark.pos == first.mark.pos) {
    throw YAML::ParserException(second.mark, "nothing can begin like this");
  }
  return second.mark;
}

Finding finding_at(const YAML::Mark& mark, std::string text) {
  if (mark.is_null()) return {0, 0, std::move(text)};
  return {mark.line + 1, mark.column + 1, std::move(text)};
}

}  // namespace

bool Loader::parse(const std::string& text, YAML::Node& root) {
  if (text.size() > text_max) {
    problems_.push_back({0, 0, "the file is larger than 4 MiB"});
    return false;
  }
  // yaml-cpp takes memory without end for some texts that are none.
  Utf8Checker utf8;
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f;
  });
  if (!plain || !utf8.feed(text) || !utf8.complete()) {
    problems_.push_back({0, 0, "the file is not text in UTF-8"});
    return false;
  }
  try {
    const auto second = second_document(text);
    root.reset(YAML::Load(text));
    if (root.IsNull()) {
      problems_.push_back({1, 1, "the file is empty"});
      return false;
    }
    if (second) {
      problems_.push_back(finding_at(*second, "only one YAML document is allowed"));
      return false;
    }
  } catch (const YAML::Exception& e) {
    problems_.push_back(finding_at(e.mark, "not valid YAML: " + e.msg));
    return false;
  }
  std::size_t left = nodes_max;
  if (!bounded(root, 0, left)) {
    problems_.push_back({1, 1, "nested too deeply or too many aliases"});
    return false;
  }
  return true;
}

void Loader::problem(const YAML::Node& node, const std::string& path, const std::string& reason) {
  problems_.push_back(finding_at(node.Mark(), path.empty() ? reason : path + ": " + reason));
}

void Loader::warning(const YAML::Node& node, const std::string& path, const std::string& reason) {
  warnings_.push_back(finding_at(node.Mark(), path + ": " + reason));
}

YAML::Node Loader::find(const YAML::Node& node, std::string_view path) {
  YAML::Node at = node;
  while (!path.empty()) {
    YAML::Node child;
    if (path.front() == '[') {
      const auto end = std::min(path.find(']'), path.size());
      std::size_t index = 0;
      std::from_chars(path.data() + 1, path.data() + end, index);
      if (at.IsSequence() && index < at.size()) child.reset(at[index]);
      path.remove_prefix(std::min(end + 1, path.size()));
    } else {
      // Names may hold dots themselves ("gpt-4.1"): the longest name that is there counts.
      std::size_t taken = 0;
      if (at.IsMap()) {
        for (const auto& entry : at) {
          const std::string& name = entry.first.Scalar();
          const bool whole =
              path.starts_with(name) &&
              (path.size() == name.size() || path[name.size()] == '.' || path[name.size()] == '[');
          if (!whole || name.size() < taken) continue;
          taken = name.size();
          child.reset(entry.second);
        }
      }
      path.remove_prefix(taken == 0 ? path.size() : taken);
    }
    if (path.starts_with('.')) path.remove_prefix(1);
    if (!child.IsDefined() || child.Mark().is_null()) return at;
    at.reset(child);
  }
  return at;
}

bool Loader::scalar(const YAML::Node& node, const std::string& path, const char* expected,
                    std::string& out) {
  if (!node.IsScalar()) {
    problem(node, path,
            std::string("must be ") + expected + ", not a " + (node.IsMap() ? "mapping" : "list"));
    return false;
  }
  for (auto& used : references_in(node.Scalar(), path)) used_.push_back(std::move(used));
  auto text = expand(node.Scalar(), lookups_, path);
  if (!text) {
    problem(node, path, text.error().message);
    return false;
  }
  out = std::move(*text);
  return true;
}

bool Loader::mapping(const YAML::Node& node, const std::string& path) {
  if (!node.IsMap()) {
    problem(node, path, "must be a mapping of names to values");
    return false;
  }
  doubled_keys(node, path);
  return true;
}

void Loader::doubled_keys(const YAML::Node& node, const std::string& path) {
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (entry.first.IsScalar() && !seen.insert(entry.first.Scalar()).second) {
      problem(entry.first, join(path, entry.first.Scalar()), "stands twice");
    }
  }
}

void Loader::unknown(const YAML::Node& key, const std::string& path,
                     std::span<const std::string_view> known) {
  std::string reason = "unknown key";
  const auto meant = nearest(key.Scalar(), known);
  if (!meant.empty()) reason += ": did you mean '" + std::string(meant) + "'?";
  problem(key, join(path, shown(key.Scalar())), reason);
}

std::string Loader::shown(const std::string& text) {
  return text.size() <= 40 ? text : text.substr(0, 37) + "...";
}

std::string Loader::one_of(const std::string& text, std::span<const std::string_view> words) {
  std::string reason = "must be one of ";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) reason += ", ";
    reason += words[i];
  }
  reason += "; not '" + shown(text) + "'";
  const auto meant = nearest(text, words);
  if (!meant.empty()) reason += ": did you mean '" + std::string(meant) + "'?";
  return reason;
}

void Loader::read(const YAML::Node& node, const std::string& path, bool& target) {
  std::string text;
  if (!scalar(node, path, "true or false", text)) return;
  if (text == "true" || text == "false") {
    target = text == "true";
  } else {
    problem(node, path, "must be true or false, not '" + shown(text) + "'");
  }
}

void Loader::read(const YAML::Node& node, const std::string& path, std::string& target) {
  scalar(node, path, "text", target);
}

void Loader::read(const YAML::Node& node, const std::string& path, Secret& target) {
  std::string text;
  if (!scalar(node, path, "a credential", text)) return;
  if (!has_reference(node.Scalar())) {
    warning(node, path, "a credential stands in the file: use ${env:NAME} or ${file:PATH}");
  }
  if (text.find_first_of("\r\n") != std::string::npos) {
    problem(node, path, "a credential must not hold a line end");
    return;
  }
  target = Secret(std::move(text));
}

void Loader::read(const YAML::Node& node, const std::string& path, milliseconds& target) {
  std::string text;
  if (!scalar(node, path, "a duration", text)) return;
  const auto parsed = parse_duration(text);
  if (parsed) {
    target = *parsed;
  } else {
    problem(node, path, "'" + shown(text) + "' " + parsed.error().message);
  }
}

void Loader::read(const YAML::Node& node, const std::string& path, Bytes& target) {
  std::string text;
  if (!scalar(node, path, "a size", text)) return;
  const auto parsed = parse_bytes(text);
  if (parsed) {
    target = *parsed;
  } else {
    problem(node, path, "'" + shown(text) + "' " + parsed.error().message);
  }
}

}  // namespace hawser::config
