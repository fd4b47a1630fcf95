#include "audit/segment_reader.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace hawser::audit {
namespace {

constexpr std::size_t hash_digits = 64;

/// A string without escapes, as all that is looked for here are.
std::string_view plain_member(std::string_view json, std::string_view name) {
  std::string_view value = json_member(json, name);
  if (value.size() < 2 || value.front() != '"') return {};
  return value.substr(1, value.size() - 2);
}

}  // namespace

std::optional<Digest> digest_member(std::string_view json, std::string_view name) {
  return digest_from_hex(plain_member(json, name));
}

bool SegmentReader::take(std::string_view text, const Each& each) {
  if (text.size() < hash_digits + 2 || text[hash_digits] != ' ') return false;
  const auto stated = digest_from_hex(text.substr(0, hash_digits));
  Line line;
  line.json = text.substr(hash_digits + 1);
  const auto seq = json_number(line.json, "seq");
  if (!stated || !seq || *seq == 0) return false;
  line.type = plain_member(line.json, "type");
  if (lines_ == 0) {
    const auto before = digest_member(line.json, "before");
    if (line.type != "segment" || !before) return false;
    line.before = *before;
  } else {
    if (*seq != next_seq_ || line.type == "segment") return false;
    line.before = hash_;
  }
  line.seq = *seq;
  line.hash = hasher_.link(line.before, line.json);
  if (line.hash != *stated) return false;
  hash_ = line.hash;
  next_seq_ = *seq + 1;
  ++lines_;
  good_bytes_ += text.size() + 1;
  each(line);
  return true;
}

void SegmentReader::add_tail(std::string_view bytes) {
  if (bytes.empty()) return;
  if (tail_bytes_ == 0) tail_hasher_.begin();
  tail_hasher_.add(bytes);
  tail_bytes_ += bytes.size();
  tail_has_lines_ = tail_has_lines_ || bytes.find('\n') != std::string_view::npos;
}

void SegmentReader::feed(std::string_view bytes, const Each& each) {
  while (!bytes.empty()) {
    if (broken_) return add_tail(bytes);
    const auto end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (end == std::string_view::npos) {
      rest_.append(piece);
      bytes = {};
      broken_ = rest_.size() > line_max;
      if (broken_) add_tail(std::exchange(rest_, {}));
      continue;
    }
    std::string_view line = piece;
    if (!rest_.empty()) line = rest_.append(piece);
    if (line.size() > line_max || !take(line, each)) {
      broken_ = true;
      if (!rest_.empty()) {
        add_tail(rest_);
      } else {
        add_tail(piece);
      }
      add_tail("\n");
    }
    rest_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void SegmentReader::end() {
  add_tail(std::exchange(rest_, {}));
  if (tail_bytes_ > 0) tail_digest_ = tail_hasher_.end();
}

}  // namespace hawser::audit
