#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hawser::dialect {

/// The boundary of a multipart/form-data content type; empty when it is none.
/// Source: RFC 7578, RFC 2046 5.1.1.
std::string_view form_boundary(std::string_view content_type);

/// Where the value of a plain field (not a file) stands in a form.
struct FormValue {
  std::size_t at = 0;
  std::size_t size = 0;
};
/// Looks through the parts at the front of a form, as far as it is there: clients write plain
/// fields before files.
/// @param form  the whole body or its beginning
std::optional<FormValue> find_form_value(std::string_view form, std::string_view boundary,
                                         std::string_view name);

}  // namespace hawser::dialect
