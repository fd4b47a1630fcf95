#pragma once

#include <span>
#include <string_view>

namespace hawser::config {

/// The candidate that `word` was perhaps meant to be: at most two typos away (insertion, deletion,
/// substitution, transposition) and less than half of the word. Empty: none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace hawser::config
