#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "filter/vault.hpp"

namespace hawser::filter {

/// Turns the pseudonyms of a vault back into their values in text that comes in pieces, in
/// whichever case a model wrote them. What the vault did not give stays as it is. Held back is only
/// what may be the beginning of a pseudonym. The text that leaves does not depend on the cuts.
class Restorer {
 public:
  /// `vault` outlives it and may get more pseudonyms meanwhile.
  /// @param json  the text is JSON: values are escaped as its strings need it
  explicit Restorer(const Vault& vault, bool json = false) : vault_(&vault), json_(json) {}

  /// Appends to `out` what may leave now.
  void feed(std::string_view piece, std::string& out);
  /// The text ends: appends the rest.
  void flush(std::string& out);

  std::size_t held() const { return held_.size(); }
  std::uint64_t restored() const { return restored_; }
  /// Words in the form of a pseudonym, with a good check character, that the vault did not give.
  std::uint64_t unmatched() const { return unmatched_; }

 private:
  void scan(std::string_view text, bool ended, std::string& out);
  const std::string* longest(std::string_view text, std::size_t label_size, std::size_t& size);

  const Vault* vault_;
  bool json_;
  std::string held_;
  std::uint64_t restored_ = 0, unmatched_ = 0;
};

}  // namespace hawser::filter
