#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::stage::route {

/// The form that a list of models has.
enum class ModelListForm : std::uint8_t { openai, anthropic };

/// One entry of such a list, of a public name of this gateway: a JSON object.
std::string model_entry(std::string_view name, ModelListForm form);

/// A list of public names, with a provider's own list behind it.
/// @param provided  the provider's answer; empty or not a list: there is none
/// @param allowed   whether the key may use a model of the provider's
std::string merge_model_list(const std::vector<std::string_view>& names, ModelListForm form,
                             std::string_view provided,
                             const std::function<bool(std::string_view model)>& allowed);

}  // namespace hawser::stage::route
