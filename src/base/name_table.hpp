#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/letters.hpp"

namespace hawser {

enum class Letters : std::uint8_t {
  exact,
  any_case  // ASCII; the names of the table are in lower case
};

/// Rows by a name, all known when the program is built. A look costs about as much as one
/// comparison, however many rows there are: the length and three letters of a name tell its bucket.
/// @tparam Row  a std::string_view, or anything with such a `name`; no name is empty or twice there
template <class Row, std::size_t count, Letters letters = Letters::exact>
class NameTable {
 public:
  constexpr explicit NameTable(const std::array<Row, count>& rows) : rows_(rows) {
    std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
      return bucket_of(name_of(a)) < bucket_of(name_of(b));
    });
    for (std::size_t bucket = 0, at = 0; bucket <= buckets; ++bucket) {
      while (at < count && bucket_of(name_of(rows_[at])) < bucket) ++at;
      begin_[bucket] = static_cast<std::uint8_t>(at);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (find(name_of(rows_[i])) != &rows_[i]) throw "a name is twice in the table";
    }
  }

  /// @return the row of `name`; nothing, where there is none
  constexpr const Row* find(std::string_view name) const {
    if (name.empty()) return nullptr;
    const std::size_t bucket = bucket_of(name);
    for (std::size_t at = begin_[bucket]; at < begin_[bucket + 1]; ++at) {
      if (equal(name, name_of(rows_[at]))) return &rows_[at];
    }
    return nullptr;
  }
  constexpr bool has(std::string_view name) const { return find(name) != nullptr; }

  /// In no order that means anything; a row's place is its own.
  constexpr const Row* begin() const { return rows_.data(); }
  constexpr const Row* end() const { return rows_.data() + count; }
  static constexpr std::size_t size() { return count; }

 private:
  static_assert(count > 0 && count < 256);
  static constexpr std::size_t buckets = std::bit_ceil(2 * count);

  static constexpr std::string_view name_of(const Row& row) {
    if constexpr (std::is_same_v<Row, std::string_view>) {
      return row;
    } else {
      return row.name;
    }
  }
  static constexpr std::size_t bucket_of(std::string_view name) {
    const auto letter = [name](std::size_t at) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>(name[at]) | 0x20u);
    };
    const std::size_t size = name.size();
    const std::uint32_t mixed = letter(0) * 0x9e37u + letter(size / 2) * 0x6d2bu +
                                letter(size - 1) * 0xc2b3u +
                                static_cast<std::uint32_t>(size) * 0x85ebu;
    return (mixed >> 7) & (buckets - 1);
  }
  static constexpr bool equal(std::string_view name, std::string_view known) {
    if constexpr (letters == Letters::exact) {
      return name == known;
    } else {
      return same_letters(name, known);
    }
  }

  std::array<Row, count> rows_;
  std::array<std::uint8_t, buckets + 1> begin_{};  // of a bucket's rows; where the next ones begin
};

template <class Row, std::size_t count>
constexpr auto exact_names(const std::array<Row, count>& rows) {
  return NameTable<Row, count, Letters::exact>(rows);
}
template <class Row, std::size_t count>
constexpr auto caseless_names(const std::array<Row, count>& rows) {
  return NameTable<Row, count, Letters::any_case>(rows);
}

}  // namespace hawser
