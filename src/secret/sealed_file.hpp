#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/master_key.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace hawser::secret {

/// Secrets by name, each sealed with AES-256-GCM under a key that follows from the master key and
/// bound to its name: none can be put in another's place. As text it is JSON that may be kept where
/// code is kept.
class SealedFile {
 public:
  /// Error: invalid_request when the text is none of ours.
  static Result<SealedFile> parse(std::string_view text);
  std::string text() const;

  /// Replaces what stands under that name.
  /// Error: invalid_request when the file was sealed with another master key.
  Result<> seal(const MasterKey& master, const std::string& name, const Secret& value);
  /// Errors: not_found (with the nearest name that there is), invalid_request (another master key,
  /// or the file was changed)
  Result<Secret> open(const MasterKey& master, const std::string& name) const;
  std::vector<std::string> names() const;

  /// All of it under another master key.
  Result<> rotate(const MasterKey& from, const MasterKey& to);

 private:
  Result<> check(const MasterKey& master) const;

  std::string key_name_{};  // tells master keys apart, and nothing else of them
  std::map<std::string, std::string> sealed_{};  // by name, raw
};

}  // namespace hawser::secret
