#include "stage/guard/config.hpp"

#include "dialect/operation.hpp"

namespace hawser::stage::guard {

std::vector<config::Problem> GuardConfig::check() const {
  if (auto problem = dialect::grants_problem(pass_unread); !problem.empty()) {
    return {{"pass_unread", std::move(problem)}};
  }
  return {};
}

}  // namespace hawser::stage::guard
