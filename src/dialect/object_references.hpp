#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "dialect/endpoint.hpp"

namespace hawser::dialect {

/// Stands for the ids of all objects of a kind, and is nobody's.
inline constexpr std::string_view every_object = "*";

/// Whether the field of a form, such as "file_id" or "tools[file_ids][]", is one whose value refers
/// to an object.
bool names_object(std::string_view field);

/// How the bodies of an operation name objects.
struct ReferenceRules {
  /// It takes what the account stores, items of answers too: each id of a known form in a member of
  /// ids refers to one, and each item that the provider might look up by its id does.
  bool stored = false;
  bool tool_inputs = false;  // "input" in a list "content" is a tool's, as its model wrote it
  bool gemini = false;       // so are functionCall.args and functionResponse.response
};
ReferenceRules reference_rules(const Endpoint& endpoint);
/// Of a line of a batch's file: any operation may stand in it.
inline constexpr ReferenceRules batch_line_rules{.stored = true};

enum class ReferencesRead : std::uint8_t {
  all,
  not_json,
  ambiguous  // a name stands twice in an object; only told where rules.stored
};
/// Finds what a JSON request refers to of a provider's account: files, responses that it goes on
/// from, items, conversations, vector stores, containers, ... at any depth, but not in metadata and
/// the inputs of tools, which are the user's own.
/// @param each  gets each id, decoded; `every_object` where all of a kind are meant
ReferencesRead for_each_reference(
    std::string_view body, const ReferenceRules& rules,
    const std::function<void(ObjectKind kind, std::string_view id)>& each);

}  // namespace hawser::dialect
