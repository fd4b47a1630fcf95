#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/credential_headers.hpp"
#include "base/name_table.hpp"
#include "wire/percent.hpp"

namespace hawser::exchange {

/// What a query says beside credentials, decoded, a parameter a line. For policies that look for
/// texts: nobody knows what a provider reads there.
inline std::string query_texts(std::string_view query) {
  std::string text;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto decoded = wire::percent_decoded(part);
    const std::string plain = decoded ? *decoded : std::string(part);
    if (is_credential_parameter(std::string_view(plain).substr(0, plain.find('=')))) continue;
    text.append(plain).append("\n");
  }
  return text;
}

/// The same without what chooses a form, a version or a page by a short word: most queries, which
/// say nothing then.
inline std::string query_prose(std::string_view query) {
  constexpr auto choices = exact_names(std::to_array<std::string_view>(
      {"api-version", "alt", "beta", "limit", "after", "before", "order", "page", "pageSize",
       "pageToken", "include", "stream"}));
  std::string prose;
  const std::string texts = query_texts(query);
  for (std::string_view rest = texts; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto equals = std::min(line.find('='), line.size());
    const std::string_view value = line.substr(std::min(equals + 1, line.size()));
    const bool word = value.size() <= 32 && std::all_of(value.begin(), value.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                      });
    if (!word || !choices.has(line.substr(0, equals))) prose.append(line).append("\n");
  }
  return prose;
}

}  // namespace hawser::exchange
