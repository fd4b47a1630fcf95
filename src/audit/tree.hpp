#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "audit/digest.hpp"

namespace hawser::audit {

/// The Merkle tree of one signed batch, as RFC 9162, 2.1.1 has it, built as its leaves come: holds
/// one hash a level.
class Tree {
 public:
  void add(const Digest& leaf, Hasher& hasher);
  /// Of all leaves so far. There must be one.
  Digest root(Hasher& hasher) const;
  std::uint64_t size() const { return size_; }
  void clear();

 private:
  std::vector<Digest> whole_;  // roots of perfect subtrees, largest first
  std::uint64_t size_ = 0;
};

/// What is needed beside a leaf to come to the root (RFC 9162, 2.1.3.1).
std::vector<Digest> path_of(std::span<const Digest> leaves, std::size_t index, Hasher& hasher);

/// The root that follows from a leaf and its path (RFC 9162, 2.1.3.2); nothing when the path does
/// not fit that place of a tree of that size.
std::optional<Digest> root_by(Digest leaf, std::uint64_t index, std::uint64_t size,
                              std::span<const Digest> path, Hasher& hasher);

}  // namespace hawser::audit
