#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dialect/operation.hpp"
#include "filter/scanner.hpp"
#include "stage/filter/config.hpp"

namespace hawser::stage::filter {

/// The rules of one tenant, ready for use; null: none in that direction.
struct Policy {
  std::shared_ptr<const hawser::filter::Scanner> prompt{};
  std::shared_ptr<const hawser::filter::Scanner> answer{};
  bool restores = false;  // something of a prompt is given a pseudonym

  bool empty() const { return !prompt && !answer; }
};

/// The rules of all tenants of one configuration. Immutable, shared by the workers.
class Policies {
 public:
  /// Error: invalid_request that names the rule and what is wrong with it.
  static Result<std::shared_ptr<const Policies>> compile(const FilterConfig& config);

  bool empty() const { return general_.empty() && by_tenant_.empty(); }
  const Policy& of(std::string_view tenant) const;
  /// Operations that pass although they cannot be read.
  dialect::OperationSet pass_unread() const { return pass_unread_; }

 private:
  Policy general_{};
  dialect::OperationSet pass_unread_{};
  std::map<std::string, Policy, std::less<>> by_tenant_;
};

}  // namespace hawser::stage::filter
