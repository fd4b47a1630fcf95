#include "filter/keyword_set.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/utf8.hpp"
#include "filter/case_fold.hpp"

namespace hawser::filter {
namespace {

/// Four bytes of `text`, or all that there are.
std::uint32_t first_bytes(std::string_view text) {
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, text.data(), std::min(text.size(), sizeof bytes));
  return bytes;
}

/// All ways in which `rest` may go on behind `begun`, up to four bytes. ASCII letters stand in one
/// case: marks are made in any.
void spell(const std::string& begun, std::string_view rest, std::vector<std::string>& out) {
  if (begun.size() >= 4 || rest.empty()) {
    out.push_back(begun.substr(0, 4));
    return;
  }
  const Character one = character_at(rest);
  if (one.size == 0) return spell(begun + rest.front(), rest.substr(1), out);
  for (const std::uint32_t point : all_cases_of(one.point)) {
    if (point >= 'A' && point <= 'Z') continue;
    std::string more = begun;
    append_utf8(more, point);
    spell(more, rest.substr(one.size), out);
  }
}

}  // namespace

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
    if (keywords.any_case) text = folded(text);
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
  if (keywords.any_case) set.any_case_ = 0x20202020;
  set.note_beginnings(words);
  return set;
}

/// A bit in some fifty is set: the table of a thousand words is 8 KiB.
KeywordSet::Beginnings::Beginnings(std::size_t size, std::size_t words)
    : mask_(size == size_max ? ~0U : (1U << 8 * size) - 1) {
  const int hash_bits = std::clamp(static_cast<int>(std::bit_width(words)) + 6, 12, 24);
  shift_ = 32 - hash_bits;
  bits_.resize(std::size_t{1} << (hash_bits - 6));
}

void KeywordSet::note_beginnings(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const std::string& text : words) {
    if (any_case_ == 0) {
      all.push_back(text.substr(0, Beginnings::size_max));
    } else {
      spell("", text, all);
    }
  }
  for (const std::string& text : all) {
    begins_.at(static_cast<unsigned char>(text.front())) = true;
    // The bit that makes ASCII letters small is passed over in marks, and so here.
    if (any_case_ != 0 && in(alnum, text.front())) {
      begins_.at(static_cast<unsigned char>(text.front()) & 0xdfu) = true;
    }
  }
  for (std::size_t size = 1; size <= Beginnings::size_max; ++size) {
    Beginnings beginnings(size, all.size());
    bool any = false;
    for (const std::string& text : all) {
      if (text.size() != size) continue;
      beginnings.add(first_bytes(text) | any_case_);
      any = true;
    }
    if (any) beginnings_.push_back(std::move(beginnings));
  }
}

/// A child of `node` by the whole character at `size`, in any case. Nothing: it has not come yet.
std::optional<KeywordSet::Node> KeywordSet::step_in_any_case(const Place& place, Node node,
                                                             std::size_t& size) const {
  std::string bytes;
  for (std::size_t i = 0; i < 4; ++i) {
    const int next = place[size + i];
    if (next == unknown) return std::nullopt;
    if (next == text_end) break;
    bytes.push_back(static_cast<char>(next));
    const Character one = character_at(bytes);
    if (one.size == 0) continue;
    size += one.size;
    bytes.clear();
    append_utf8(bytes, folded(one.point));
    for (const char byte : bytes) {
      node = child(node, static_cast<unsigned char>(byte));
      if (node == 0) break;
    }
    return node;
  }
  return child(node, static_cast<unsigned char>(place[size++]));  // no character: a byte
}

KeywordSet::Node KeywordSet::child(Node node, unsigned char byte) const {
  if (node == 0) return first_[byte];
  const State& state = states_[node];
  const auto begin = edges_.begin() + state.edges, end = begin + state.edges_count;
  const auto found = std::lower_bound(
      begin, end, byte, [](const Edge& edge, unsigned char b) { return edge.byte < b; });
  return found != end && found->byte == byte ? found->to : 0;
}

void KeywordSet::mark(std::string_view text, std::size_t from, Marks& marks) const {
  const std::size_t whole = text.size() - std::min(text.size(), Beginnings::size_max - 1);
  for (const Beginnings& beginnings : beginnings_) {
    for (std::size_t at = from; at < whole; ++at) {
      std::uint32_t bytes = 0;
      std::memcpy(&bytes, text.data() + at, sizeof bytes);
      if (beginnings.may_be(bytes | any_case_)) marks.set(at);
    }
  }
  for (std::size_t at = std::max(from, whole); at < text.size(); ++at) {
    if (may_begin(static_cast<unsigned char>(text[at]))) marks.set(at);
  }
}

Verdict KeywordSet::match(const Place& place) const {
  if (whole_words_ && in(word, place.before()) && in(word, place[0])) return no_match();
  Node node = 0;
  std::size_t best = 0;
  for (std::size_t size = 0;;) {
    const int next = place[size];
    if (node != 0 && states_[node].word) {
      const bool inside = whole_words_ && in(word, next) && in(word, place[size - 1]);
      if (whole_words_ && next == unknown) return need_more();
      if (!inside) best = size;
    }
    if (node != 0 && states_[node].edges_count == 0) break;
    if (next == unknown) return need_more();
    if (next == text_end) break;
    if (next >= 0x80 && any_case_ != 0) {
      const auto stepped = step_in_any_case(place, node, size);
      if (!stepped) return need_more();
      node = *stepped;
    } else {
      node = child(node, fold_[static_cast<std::size_t>(next)]);
      ++size;
    }
    if (node == 0) break;
  }
  return best > 0 ? match_of(best) : no_match();
}

}  // namespace hawser::filter
