#include "tokenizer/utf8_repair.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace hawser::tokenizer {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

/// How many bytes of ASCII are at the front, in steps of eight.
std::size_t ascii_front(std::string_view bytes) {
  std::size_t at = 0;
  for (std::uint64_t eight = 0; bytes.size() - at >= sizeof(eight); at += sizeof(eight)) {
    std::memcpy(&eight, bytes.data() + at, sizeof(eight));
    if ((eight & 0x8080808080808080) != 0) break;
  }
  return at;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  Utf8Checker checker;
  while (!bytes.empty()) {
    if (checker.complete()) bytes.remove_prefix(ascii_front(bytes));
    const std::size_t size = std::min<std::size_t>(bytes.size(), 48);
    if (!checker.feed(bytes.substr(0, size))) return false;
    bytes.remove_prefix(size);
  }
  return checker.complete();
}

void Utf8Repair::append(std::string_view bytes, std::string& out) {
  for (const char& byte : bytes) {
    const std::string_view one(&byte, 1);
    if (!checker_.feed(one)) {
      const bool was_begun = !begun_.empty();
      out += replacement;
      begun_.clear();
      checker_ = {};
      // What broke a character off may begin the next.
      if (was_begun && !checker_.feed(one)) {
        out += replacement;
        checker_ = {};
        continue;
      }
      if (!was_begun) continue;
    }
    begun_ += byte;
    if (checker_.complete()) {
      out += begun_;
      begun_.clear();
    }
  }
}

void Utf8Repair::finish(std::string& out) {
  if (!begun_.empty()) out += replacement;
  begun_.clear();
  checker_ = {};
}

std::string repaired(std::string_view bytes) {
  std::string out;
  Utf8Repair repair;
  repair.append(bytes, out);
  repair.finish(out);
  return out;
}

}  // namespace hawser::tokenizer
