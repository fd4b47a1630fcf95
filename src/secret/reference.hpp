#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace hawser::secret {

/// A value that stands elsewhere: ${vault:secret/openai#key}.
struct Reference {
  std::string scheme{};    // vault, transit, kms, aws
  std::string location{};  // what is fetched at once: "secret/openai"
  std::string field{};     // of what was fetched: "key"; empty: all of it

  /// What is fetched at once, for all references to parts of it.
  std::string document() const { return scheme + ":" + location; }
  /// For messages and figures: no ciphertext, at most 80 characters.
  std::string shown() const;
};

/// @param rest  what stands behind the scheme's colon
/// Error: invalid_request that tells the form
Result<Reference> parse_reference(std::string_view scheme, std::string_view rest);

/// The part of a document that is meant.
/// Error: not_found, with the nearest name that there is
Result<Secret> select(const Secret& document, const Reference& reference);

}  // namespace hawser::secret
