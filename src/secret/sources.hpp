#pragma once

#include <optional>
#include <string>

#include "base/master_key.hpp"
#include "config/scalar.hpp"
#include "secret/sealed_file.hpp"

namespace hawser::secret {

/// The master key of this machine: HAWSER_MASTER_KEY, or the file that HAWSER_MASTER_KEY_FILE
/// names. Either may hold it sealed, as "kms:..." for AWS KMS, which is then asked (and blocks);
/// where and as whom, the environment alone tells.
/// Error: invalid_request that says what is missing.
Result<MasterKey> master_key(const config::Lookups& lookups);

/// Errors: not_found (there is no such file), invalid_request; the message names the path
Result<SealedFile> read_sealed(const std::string& path);
/// Into a fresh file that only its owner reads, which then takes the place of the old one.
Result<> write_sealed(const std::string& path, const SealedFile& file);

/// Everything that a configuration may refer to: the environment, files that others cannot write,
/// sealed files.
config::Lookups all_lookups();

}  // namespace hawser::secret
