#include "audit/tree.hpp"

#include <bit>

namespace hawser::audit {

void Tree::add(const Digest& leaf, Hasher& hasher) {
  Digest sum = leaf;
  // A one at the end of the count is a perfect subtree of that size.
  for (std::uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    sum = hasher.node(whole_.back(), sum);
    whole_.pop_back();
  }
  whole_.push_back(sum);
  ++size_;
}

Digest Tree::root(Hasher& hasher) const {
  Digest sum = whole_.back();
  for (std::size_t i = whole_.size() - 1; i-- > 0;) sum = hasher.node(whole_[i], sum);
  return sum;
}

void Tree::clear() {
  whole_.clear();
  size_ = 0;
}

namespace {

Digest root_of(std::span<const Digest> leaves, Hasher& hasher) {
  Tree tree;
  for (const Digest& leaf : leaves) tree.add(leaf, hasher);
  return tree.root(hasher);
}

}  // namespace

std::vector<Digest> path_of(std::span<const Digest> leaves, std::size_t index, Hasher& hasher) {
  std::vector<Digest> path;
  while (leaves.size() > 1) {
    const std::size_t half = std::bit_floor(leaves.size() - 1);
    const bool left = index < half;
    path.push_back(root_of(left ? leaves.subspan(half) : leaves.first(half), hasher));
    leaves = left ? leaves.first(half) : leaves.subspan(half);
    if (!left) index -= half;
  }
  return {path.rbegin(), path.rend()};
}

std::optional<Digest> root_by(Digest leaf, std::uint64_t index, std::uint64_t size,
                              std::span<const Digest> path, Hasher& hasher) {
  if (index >= size) return std::nullopt;
  std::uint64_t at = index, last = size - 1;
  for (const Digest& other : path) {
    if (last == 0) return std::nullopt;
    if ((at & 1) != 0 || at == last) {
      leaf = hasher.node(other, leaf);
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      leaf = hasher.node(leaf, other);
    }
    at >>= 1;
    last >>= 1;
  }
  if (last != 0) return std::nullopt;
  return leaf;
}

}  // namespace hawser::audit
