#pragma once

#include <string>
#include <string_view>

#include "stage/cache/shelf.hpp"

namespace hawser::stage::cache {

/// An entry as bytes, to be kept beyond this process.
std::string to_blob(const Entry& entry);
/// Null: not of to_blob(), or of a version that is not known.
EntryPtr from_blob(std::string_view blob);

}  // namespace hawser::stage::cache
