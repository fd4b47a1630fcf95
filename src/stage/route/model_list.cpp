#include "stage/route/model_list.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace hawser::stage::route {
namespace json = boost::json;

namespace {

json::object entry_of(std::string_view name, ModelListForm form) {
  switch (form) {
    case ModelListForm::openai:
      return {{"id", name}, {"object", "model"}, {"created", 0}, {"owned_by", "hawser"}};
    case ModelListForm::anthropic:
      return {{"type", "model"},
              {"id", name},
              {"display_name", name},
              {"created_at", "1970-01-01T00:00:00Z"}};
  }
  return {};
}

std::string_view id_of(const json::value& entry) {
  const json::value* id = entry.is_object() ? entry.get_object().if_contains("id") : nullptr;
  return id != nullptr && id->is_string() ? std::string_view(id->get_string()) : std::string_view();
}

/// The members of the provider's list; the list itself is taken out of it.
json::object take_list(std::string_view provided, json::array& data) {
  boost::system::error_code error;
  json::value list = json::parse(provided, error);
  if (error || !list.is_object()) return {};
  json::object& members = list.get_object();
  json::value* entries = members.if_contains("data");
  if (entries == nullptr || !entries->is_array()) return {};
  data = std::move(entries->get_array());
  return std::move(members);
}

}  // namespace

std::string model_entry(std::string_view name, ModelListForm form) {
  return json::serialize(entry_of(name, form));
}

std::string merge_model_list(const std::vector<std::string_view>& names, ModelListForm form,
                             std::string_view provided,
                             const std::function<bool(std::string_view model)>& allowed) {
  json::array theirs, data;
  json::object list = take_list(provided, theirs);
  for (const auto name : names) data.push_back(entry_of(name, form));
  for (json::value& entry : theirs) {
    const std::string_view id = id_of(entry);
    const bool ours = std::find(names.begin(), names.end(), id) != names.end();
    if (!id.empty() && !ours && allowed(id)) data.push_back(std::move(entry));
  }
  if (list.empty() && form == ModelListForm::openai) list["object"] = "list";
  if (form == ModelListForm::anthropic || list.contains("first_id")) {
    if (!list.contains("has_more")) list["has_more"] = false;
    list["first_id"] = data.empty() ? json::value() : json::value(id_of(data.front()));
    list["last_id"] = data.empty() ? json::value() : json::value(id_of(data.back()));
  }
  list["data"] = std::move(data);
  return json::serialize(list);
}

}  // namespace hawser::stage::route
