#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dialect/operation.hpp"

namespace hawser::dialect {

/// Stands for the ids of all objects of a kind, and is nobody's.
inline constexpr std::string_view every_object = "*";

/// Whether the field of a form, such as "file_id" or "tools[file_ids][]", is one whose value refers
/// to an object.
bool names_object(std::string_view field);

/// Finds what a JSON request refers to of a provider's account: files, responses that it goes on
/// from, conversations, vector stores, containers, ... at any depth.
/// @param each  gets each id, decoded; `every_object` where all of a kind are meant
/// @return false: the body is not JSON
bool for_each_reference(std::string_view body,
                        const std::function<void(ObjectKind kind, std::string_view id)>& each);

/// Finds the ids that a JSON answer, or an event of a streamed one, gives to new objects: its own
/// and those of the items in it.
/// @param makes  what the answer's own id is of
void for_each_made(std::string_view json, ObjectKind makes,
                   const std::function<void(ObjectKind kind, std::string_view id)>& each);

/// A list as a provider answers it, with the entries that `keep` allows only. Nothing: it is none.
std::optional<std::string> filter_list(std::string_view json,
                                       const std::function<bool(std::string_view id)>& keep);

}  // namespace hawser::dialect
