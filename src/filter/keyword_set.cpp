#include "filter/keyword_set.hpp"

#include <algorithm>

namespace hawser::filter {

Result<KeywordSet> KeywordSet::compile(const Keywords& keywords) {
  const auto bad = [](std::string why) {
    return Error{.code = Code::invalid_request, .message = std::move(why)};
  };
  if (keywords.words.empty()) return bad("a keyword list needs at least one word");
  KeywordSet set;
  set.whole_words_ = keywords.whole_words;
  for (std::size_t i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    set.fold_.at(i) = static_cast<unsigned char>(keywords.any_case ? to_lower(c) : c);
  }
  std::vector<std::string> words = keywords.words;
  for (std::string& text : words) {
    if (text.empty()) return bad("a keyword is empty");
    if (text.size() > keyword_size_max) return bad("a keyword is longer than 128 bytes");
    for (char& c : text) c = static_cast<char>(set.fold_[static_cast<unsigned char>(c)]);
  }
  std::sort(words.begin(), words.end());
  // Breadth first: the words under a node are neighbours, so each level is one walk.
  struct Span {
    std::size_t from, to;
  };
  std::vector<Span> spans{{0, words.size()}};
  set.states_.emplace_back();
  for (Node node = 0; node < set.states_.size(); ++node) {
    auto [from, to] = spans[node];
    const std::size_t depth = set.states_[node].depth;
    set.states_[node].edges = static_cast<std::uint32_t>(set.edges_.size());
    while (from < to && words[from].size() == depth) set.states_[node].word = true, ++from;
    while (from < to) {
      const char byte = words[from][depth];
      std::size_t end = from;
      while (end < to && words[end][depth] == byte) ++end;
      set.edges_.push_back({static_cast<unsigned char>(byte), static_cast<Node>(spans.size())});
      ++set.states_[node].edges_count;
      spans.push_back({from, end});
      set.states_.push_back({.depth = static_cast<std::uint8_t>(depth + 1)});
      from = end;
    }
  }
  for (std::uint32_t i = 0; i < set.states_[0].edges_count; ++i) {
    set.first_[set.edges_[i].byte] = set.edges_[i].to;
  }
  set.link_failures();
  return set;
}

void KeywordSet::link_failures() {
  for (Node node = 0; node < states_.size(); ++node) {  // breadth first: parents are done
    const State state = states_[node];
    for (std::uint32_t i = state.edges; i < state.edges + state.edges_count; ++i) {
      State& next = states_[edges_[i].to];
      next.fail = node == 0 ? 0 : step(state.fail, edges_[i].byte);
      const State& fail = states_[next.fail];
      next.shorter = fail.word ? next.fail : fail.shorter;
    }
  }
}

KeywordSet::Node KeywordSet::child(Node node, unsigned char byte) const {
  if (node == 0) return first_[byte];
  const State& state = states_[node];
  const auto begin = edges_.begin() + state.edges, end = begin + state.edges_count;
  const auto found = std::lower_bound(
      begin, end, byte, [](const Edge& edge, unsigned char b) { return edge.byte < b; });
  return found != end && found->byte == byte ? found->to : 0;
}

KeywordSet::Node KeywordSet::step(Node node, unsigned char byte) const {
  for (;;) {
    if (const Node next = child(node, byte)) return next;
    if (node == 0) return 0;
    node = states_[node].fail;
  }
}

void KeywordSet::mark(std::string_view text, std::size_t from, Marks& marks) const {
  Node node = 0;
  for (std::size_t at = from; at < text.size(); ++at) {
    const unsigned char byte = fold_[static_cast<unsigned char>(text[at])];
    node = node == 0 ? first_[byte] : step(node, byte);
    if (node == 0) continue;
    for (Node end = states_[node].word ? node : states_[node].shorter; end != 0;
         end = states_[end].shorter) {
      marks.set(at + 1 - states_[end].depth);
    }
  }
  for (; node != 0; node = states_[node].fail) marks.set(text.size() - states_[node].depth);
}

Verdict KeywordSet::match(const Place& place) const {
  if (whole_words_ && in(word, place.before()) && in(word, place[0])) return no_match();
  Node node = 0;
  std::size_t best = 0;
  for (std::size_t size = 0;; ++size) {
    const int next = place[size];
    if (node != 0 && states_[node].word) {
      const bool inside = whole_words_ && in(word, next) && in(word, place[size - 1]);
      if (whole_words_ && next == unknown) return need_more();
      if (!inside) best = size;
    }
    if (node != 0 && states_[node].edges_count == 0) break;
    if (next == unknown) return need_more();
    if (next == text_end) break;
    node = child(node, fold_[static_cast<std::size_t>(next)]);
    if (node == 0) break;
  }
  return best > 0 ? match_of(best) : no_match();
}

}  // namespace hawser::filter
