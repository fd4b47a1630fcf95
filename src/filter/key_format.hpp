#pragma once

#include <span>
#include <string_view>

#include "filter/character.hpp"

namespace hawser::filter {

/// A credential that is told by how it begins.
struct KeyFormat {
  std::string_view prefix;
  std::string_view what;
  ByteSet bytes;      // behind the prefix
  std::size_t least;  // of them
  std::size_t most;   // of them; 0: however many follow
  bool random;        // letters and digits well mixed, else it is a name
};

/// All of them; of two that begin alike the longer prefix comes first.
std::span<const KeyFormat> key_formats();

/// Bits of information a byte in `text` carries: Shannon's entropy of its own bytes.
double entropy(std::string_view text);

}  // namespace hawser::filter
