#include "filter/prefix_pattern.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/utf8.hpp"

namespace hawser::filter {
namespace {

/// Two expressions: for the whole of a part, and for its beginnings with the empty one.
struct Part {
  std::string whole, beginnings;
};

class Reader {
 public:
  explicit Reader(std::string_view pattern) : left_(pattern) {}

  Result<std::string> read() {
    std::string flags;
    if (left_.starts_with("(?") && left_.find(')') < left_.find_first_of(":P<")) {
      flags = left_.substr(0, left_.find(')') + 1);
      left_.remove_prefix(flags.size());
    }
    const Part part = alternatives(0);
    if (!left_.empty() && why_.empty()) why_ = "an unexpected )";
    if (!why_.empty()) return Error{.code = Code::invalid_request, .message = why_};
    return flags + part.beginnings;
  }

 private:
  static std::string group(const std::string& text) { return "(?:" + text + ")"; }

  bool failed() const { return !why_.empty(); }
  Part fail(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    left_ = {};
    return {};
  }

  Part alternatives(int depth) {
    if (depth > 50) return fail("groups are nested too deep");
    Part all = sequence(depth);
    while (left_.starts_with("|")) {
      left_.remove_prefix(1);
      const Part other = sequence(depth);
      all.whole += "|" + other.whole;
      all.beginnings += "|" + other.beginnings;
    }
    all.whole = group(all.whole);
    all.beginnings = group(all.beginnings);
    return all;
  }

  Part sequence(int depth) {
    std::vector<Part> parts;
    while (!left_.empty() && left_.front() != '|' && left_.front() != ')') {
      parts.push_back(repeated(atom(depth)));
    }
    // beginnings of "abc" = those of "a", or "a" and then those of "bc"
    Part all;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      const std::string first = group(part->beginnings);
      all.beginnings =
          all.beginnings.empty() ? first : group(first + "|" + part->whole + group(all.beginnings));
      all.whole.insert(0, part->whole);
    }
    return all;
  }

  Part atom(int depth) {
    const char c = left_.front();
    if (c == '(') return grouped(depth);
    if (c == '[') return byte_class();
    if (c == '\\') return escape();
    if (c == '^' || c == '$') return assertion(1);
    const std::size_t size = std::max<std::size_t>(1, utf8_size(left_));
    return one(size);
  }
  std::string take(std::size_t size) {
    std::string text(left_.substr(0, size));
    left_.remove_prefix(std::min(size, left_.size()));
    return text;
  }
  Part one(std::size_t size) {
    Part part;
    part.whole = take(size);
    part.beginnings = group(part.whole) + "?";
    return part;
  }
  /// An assertion takes no text, and at the end of what is known it may still come true.
  Part assertion(std::size_t size) { return {take(size), "(?:)"}; }

  Part grouped(int depth) {
    std::string open = "(?:";
    if (left_.starts_with("(?P<") || left_.starts_with("(?<")) {
      if (left_.find('>') == left_.npos) return fail("a group's name is not closed");
      take(left_.find('>') + 1);
    } else if (left_.starts_with("(?")) {
      const std::size_t end = left_.find_first_of(":)");
      if (end == left_.npos || left_[end] == ')') return fail("flags may stand at the front only");
      open = take(end + 1);
    } else {
      take(1);
    }
    Part part = alternatives(depth + 1);
    if (!left_.starts_with(")")) return fail("a group is not closed");
    take(1);
    part.whole = open + part.whole + ")";
    part.beginnings = open + part.beginnings + ")";
    return part;
  }

  Part byte_class() {
    std::size_t at = left_.starts_with("[^") ? 2 : 1;
    if (at < left_.size() && left_[at] == ']') ++at;
    for (; at < left_.size() && left_[at] != ']'; ++at) {
      if (left_[at] == '\\') {
        ++at;
      } else if (left_.substr(at).starts_with("[:")) {
        const std::size_t end = left_.find(":]", at);
        if (end != left_.npos) at = end + 1;
      }
    }
    if (at >= left_.size()) return fail("a class is not closed");
    return one(at + 1);
  }

  Part escape() {
    if (left_.size() < 2) return fail("a trailing backslash");
    const char c = left_[1];
    if (c == 'Q' || c == 'E') return fail("\\Q and \\E are not taken");
    if (std::string_view("bBAz").find(c) != std::string_view::npos) return assertion(2);
    std::size_t size = 2;
    if ((c == 'x' || c == 'p' || c == 'P') && left_.size() > 2) {
      const std::size_t end = left_.find('}');
      size = left_[2] != '{' ? (c == 'x' ? 4 : 3) : end == left_.npos ? left_.size() : end + 1;
    } else if (c >= '0' && c <= '7') {
      while (size < 4 && size < left_.size() && left_[size] >= '0' && left_[size] <= '7') ++size;
    }
    return one(size);
  }

  /// The repetition behind an atom.
  Part repeated(Part part) {
    while (!left_.empty() && !failed()) {
      std::size_t least = 0;
      std::optional<std::size_t> most;
      const char c = left_.front();
      std::size_t size = 1;
      if (c == '+') {
        least = 1;
      } else if (c == '?') {
        most = 1;
      } else if (c == '{') {
        size = bounds(least, most);
        if (size == 0) return part;  // RE2 takes it for a brace
      } else if (c != '*') {
        return part;
      }
      if (size < left_.size() && left_[size] == '?') ++size;  // lazy: the longest counts anyway
      take(size);
      part = times(part, least, most);
    }
    return part;
  }
  static Part times(const Part& part, std::size_t least, std::optional<std::size_t> most) {
    const auto text = [](std::size_t number) { return std::to_string(number); };
    const std::string unit = group(part.whole);
    if (most == 0u) return {"(?:)", "(?:)"};
    Part all;
    all.whole = unit + "{" + text(least) + "," + (most ? text(*most) : "") + "}";
    all.beginnings = unit + (most ? "{0," + text(*most - 1) + "}" : "*") + group(part.beginnings);
    return all;
  }
  /// Bytes of "{2,5}"; 0: it is none.
  std::size_t bounds(std::size_t& least, std::optional<std::size_t>& most) const {
    const std::size_t end = left_.find('}');
    if (end == left_.npos || end < 2 || end > 10) return 0;
    const std::string_view inside = left_.substr(1, end - 1);
    const std::size_t comma = inside.find(',');
    if (inside.find_first_not_of("0123456789,") != inside.npos || comma == 0) return 0;
    least = std::stoul(std::string(inside.substr(0, comma)));
    if (comma == inside.npos) {
      most = least;
    } else if (comma + 1 < inside.size()) {
      const std::string_view last = inside.substr(comma + 1);
      if (last.find(',') != last.npos) return 0;
      most = std::stoul(std::string(last));
    }
    return end + 1;
  }

  std::string_view left_;
  std::string why_;
};

}  // namespace

Result<std::string> prefix_pattern(std::string_view pattern) {
  return Reader(pattern).read();
}

}  // namespace hawser::filter
