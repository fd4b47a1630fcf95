#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dialect/operation.hpp"

namespace hawser::dialect {

/// Finds the ids that a JSON answer, or an event of a streamed one, gives to what it makes: its
/// own, those of the items in it, and those that stand in their place only (the file that a batch
/// wrote, the container of a call). What an answer echoes makes nothing.
/// @param makes    what the answer's own id is of
/// @param entries  its "data" are items of an object that was asked for
void for_each_made(std::string_view json, ObjectKind makes, bool entries,
                   const std::function<void(ObjectKind kind, std::string_view id)>& each);

/// A list as a provider answers it, with the entries that `keep` allows only. Nothing: it is none.
std::optional<std::string> filter_list(std::string_view json,
                                       const std::function<bool(std::string_view id)>& keep);

}  // namespace hawser::dialect
