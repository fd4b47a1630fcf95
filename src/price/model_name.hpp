#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hawser::price {

/// A name under which a model's price may stand.
struct ModelName {
  std::string name{};
  bool regional = false;   // a region is named to serve it
  bool shorter = false;    // what says when it was made, or how it is served, was removed
  bool month_day = false;  // among that a date of four digits: only for entries that allow it
};

/// The names that `model` may have in a table, the most exact one first: as it stands, without what
/// a gateway or a vendor puts before it, without what says when it was made or how it is served
/// (at most two of these). Never the beginning of a name: a longer name is another model.
///
///   "openai/gpt-4o-2024-08-06" -> "openai/gpt-4o-2024-08-06", "gpt-4o-2024-08-06", "gpt-4o"
std::vector<ModelName> names_of_model(std::string_view model);

}  // namespace hawser::price
