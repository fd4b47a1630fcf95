#include "filter/case_fold.hpp"

#include <locale.h>  // newlocale: POSIX
#include <wctype.h>

#include <algorithm>
#include <unordered_map>

#include "base/utf8.hpp"

namespace hawser::filter {
namespace {

constexpr std::uint32_t points_end = 0x20000;  // no letter with cases is beyond

struct Pair {
  std::uint32_t from, to;
};

/// Sorted; only those that are not their own.
const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all = [] {
    std::vector<Pair> out;
    const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    for (std::uint32_t point = 0; point < points_end; ++point) {
      std::uint32_t to = point;
      if (unicode != nullptr) {
        // Some have two small letters, as the long s: their capital has one.
        to = towlower_l(towupper_l(point, unicode), unicode);
      } else if (point >= 'A' && point <= 'Z') {
        to = point | 0x20;
      }
      if (to != point) out.push_back({point, to});
    }
    if (unicode != nullptr) freelocale(unicode);
    return out;
  }();
  return all;
}

}  // namespace

std::uint32_t folded(std::uint32_t point) {
  if (point < 0x80) return point >= 'A' && point <= 'Z' ? point | 0x20 : point;
  const auto& all = pairs();
  const auto found =
      std::lower_bound(all.begin(), all.end(), point,
                       [](const Pair& pair, std::uint32_t one) { return pair.from < one; });
  return found != all.end() && found->from == point ? found->to : point;
}

std::vector<std::uint32_t> all_cases_of(std::uint32_t point) {
  static const std::unordered_multimap<std::uint32_t, std::uint32_t> by_folded = [] {
    std::unordered_multimap<std::uint32_t, std::uint32_t> out;
    for (const Pair& pair : pairs()) out.emplace(pair.to, pair.from);
    return out;
  }();
  std::vector<std::uint32_t> out{point};
  const auto [begin, end] = by_folded.equal_range(point);
  for (auto it = begin; it != end; ++it) out.push_back(it->second);
  return out;
}

Character character_at(std::string_view text) {
  const std::size_t size = utf8_size(text);
  if (size == 0) return {};
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (size == 1) return {byte(0), 1};
  std::uint32_t point = byte(0) & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(i) & 0x3fu);
  return {point, size};
}

std::string folded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character one = character_at(text);
    if (one.size == 0) {
      out.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    append_utf8(out, folded(one.point));
    text.remove_prefix(one.size);
  }
  return out;
}

}  // namespace hawser::filter
