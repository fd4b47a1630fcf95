#include "stage/admit/countable.hpp"

#include <algorithm>
#include <string>

#include "wire/percent.hpp"

namespace hawser::stage::admit {
namespace {

Error uncountable(std::string message, std::string param) {
  return {.code = Code::invalid_request,
          .message = std::move(message),
          .param = std::move(param),
          .client_may_retry = false};
}

/// Google's names for the members that an answer shall have.
bool names_members(std::string_view name) {
  const auto decoded = wire::percent_decoded(name);
  return !decoded || wire::same_token(*decoded, "fields") || wire::same_token(*decoded, "$fields");
}

bool query_names_members(std::string_view target) {
  const auto begin = target.find('?');
  if (begin == std::string_view::npos) return false;
  std::string_view rest = target.substr(begin + 1);
  while (!rest.empty()) {
    const std::string_view field = rest.substr(0, rest.find_first_of("&;"));
    rest.remove_prefix(std::min(field.size() + 1, rest.size()));
    if (names_members(field.substr(0, field.find('=')))) return true;
  }
  return false;
}

}  // namespace

std::optional<Error> why_uncountable(const exchange::Request& request) {
  if (const auto name = name_of(request.facts.unread_count); !name.empty()) {
    return uncountable("Invalid value for '" + std::string(name) +
                           "': it must be a number, for a limit or a budget counts by it.",
                       std::string(name));
  }
  if (request.head == nullptr) return std::nullopt;
  const bool by_field = request.head->find("x-goog-fieldmask") != nullptr;
  if (by_field || query_names_members(request.head->target)) {
    return uncountable(
        "The answer's members may not be chosen here: its usage is needed, for a limit or a budget "
        "counts by it.",
        by_field ? "x-goog-fieldmask" : "fields");
  }
  return std::nullopt;
}

}  // namespace hawser::stage::admit
