#include "cli/operations.hpp"

#include <iomanip>
#include <iostream>
#include <memory>
#include <string_view>

#include "dialect/operation_rows.hpp"

namespace hawser::cli {
namespace {

using dialect::BodyForm;
using dialect::ModelPlace;
using dialect::OperationRow;

std::string_view name_of(ModelPlace place) {
  switch (place) {
    case ModelPlace::nowhere:
      return "nowhere";
    case ModelPlace::body:
      return "body";
    case ModelPlace::optional:
      return "optional";
    case ModelPlace::path:
      return "path";
    case ModelPlace::hidden:
      return "hidden";
  }
  return "";
}

std::string_view name_of(BodyForm form) {
  switch (form) {
    case BodyForm::none:
      return "none";
    case BodyForm::json:
      return "json";
    case BodyForm::form:
      return "form";
    case BodyForm::json_or_form:
      return "json_or_form";
    case BodyForm::any:
      return "any";
  }
  return "";
}

/// Every text of the table is plain: letters, digits, "/", "{", "}", "*", ":", "_".
void print_json(const OperationRow& row) {
  const auto& traits = dialect::traits_of(row.operation);
  const bool by_default = dialect::default_operations().has(row.operation) && !traits.grant.empty();
  const auto text = [](std::string_view name, std::string_view value) {
    std::cout << '"' << name << "\":\"" << value << '"';
  };
  const auto flag = [](std::string_view name, bool value) {
    std::cout << ",\"" << name << "\":" << (value ? "true" : "false");
  };
  std::cout << '{';
  text("operation", traits.name);
  for (const auto& [name, value] :
       {std::pair{"grant", traits.grant}, {"method", row.method}, {"path", row.path}}) {
    std::cout << ',';
    text(name, value);
  }
  std::cout << ',';
  text("body", name_of(traits.body));
  std::cout << ',';
  text("model", name_of(traits.model));
  flag("by_default", by_default);
  flag("bought", dialect::pricing_of(row.operation, row.method) != dialect::Pricing::none);
  flag("texts", !traits.textless);
  std::cout << "}\n";
}

void print_line(const OperationRow& row) {
  const auto& traits = dialect::traits_of(row.operation);
  std::cout << std::left << std::setw(8) << (row.method.empty() ? "*" : row.method) << std::setw(48)
            << row.path << std::setw(24) << traits.name
            << (traits.grant.empty() ? "(never)" : traits.grant) << '\n';
}

void print(bool json) {
  for (const OperationRow& row : dialect::operation_rows()) {
    json ? print_json(row) : print_line(row);
  }
  const OperationRow rest{"", "/**", dialect::Operation::unknown};
  json ? print_json(rest) : print_line(rest);
}

}  // namespace

void add_operations_command(CLI::App& command) {
  const auto json = std::make_shared<bool>(false);
  command.add_flag("--json", *json, "One JSON object a line, with the traits of its operation");
  command.callback([json] { print(*json); });
}

}  // namespace hawser::cli
