#include "audit/chain.hpp"

#include <charconv>
#include <cstdio>

#include "base/json.hpp"

namespace hawser::audit {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}
void text_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, value);
}
void hex_member(std::string& out, std::string_view name, std::string_view bytes) {
  out.append(",\"").append(name).append("\":\"");
  append_hex(out, bytes);
  out.push_back('"');
}
void number_member(std::string& out, std::string_view name, std::uint64_t value) {
  out.append(",\"").append(name).append("\":");
  append_number(out, value);
}

}  // namespace

std::string signed_text(std::string_view json_before_signature) {
  return "hawser audit root 1\n" + std::string(json_before_signature);
}

std::string segment_name(std::uint64_t number) {
  char name[40];
  std::snprintf(name, sizeof name, "audit-%010llu.log", static_cast<unsigned long long>(number));
  return name;
}

std::optional<std::uint64_t> segment_number(std::string_view name) {
  if (!name.starts_with("audit-") || !name.ends_with(".log")) return std::nullopt;
  name.remove_prefix(6);
  name.remove_suffix(4);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || name.size() < 10) {
    return std::nullopt;
  }
  if (number == 0) return std::nullopt;
  return number;
}

void Chain::add_line(std::string_view rest, std::string& out) {
  // What is hashed, as Hasher::link has it, in one piece.
  text_.assign(1, '\0').append(view(state_.hash));
  const std::size_t json_at = text_.size();
  text_.append("{\"seq\":");
  append_number(text_, state_.next_seq++);
  text_.append(1, ',').append(rest);
  state_.hash = hasher_.whole(text_);
  append_hex(out, view(state_.hash));
  out.append(1, ' ').append(text_, json_at).append(1, '\n');
}

void Chain::append(std::string_view rest, std::string& out) {
  add_line(rest, out);
  tree_.add(state_.hash, hasher_);
}

void Chain::begin_segment(const SegmentHead& head, std::string& out) {
  std::string rest = "\"time_us\":";
  append_number(rest, static_cast<std::uint64_t>(head.time_us));
  rest.append(",\"type\":\"segment\",\"format\":");
  append_number(rest, format_version);
  number_member(rest, "segment", state_.next_segment++);
  text_member(rest, "log", state_.log);
  text_member(rest, "node", head.node);
  text_member(rest, "after", head.after);
  hex_member(rest, "before", view(state_.hash));
  text_member(rest, "public_key", key_.public_hex());
  if (!head.torn.empty()) {
    rest.append(",\"torn\":[");
    for (const TornEnd& torn : head.torn) {
      if (rest.back() != '[') rest.push_back(',');
      rest.append("{\"segment\":");
      append_number(rest, torn.segment);
      number_member(rest, "bytes", torn.bytes);
      hex_member(rest, "sha256", view(torn.digest));
      rest.push_back('}');
    }
    rest.push_back(']');
  }
  if (head.adopted > 0) number_member(rest, "adopted", head.adopted);
  if (head.witness_ahead > 0) number_member(rest, "witness_ahead", head.witness_ahead);
  rest.push_back('}');
  append(rest, out);
}

void Chain::sign(std::int64_t time_us, std::string& out) {
  if (tree_.size() == 0) return;
  std::string rest = "\"time_us\":";
  append_number(rest, static_cast<std::uint64_t>(time_us));
  rest.append(",\"type\":\"root\"");
  text_member(rest, "log", state_.log);
  number_member(rest, "lines", tree_.size());
  hex_member(rest, "tree", view(tree_.root(hasher_)));
  hex_member(rest, "head", view(state_.hash));
  std::string text = "{\"seq\":";
  append_number(text, state_.next_seq);
  text.append(",").append(rest);
  hex_member(rest, "signature", key_.sign(signed_text(text)));
  rest.push_back('}');
  add_line(rest, out);
  tree_.clear();
}

}  // namespace hawser::audit
