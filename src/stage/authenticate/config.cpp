#include "stage/authenticate/config.hpp"

#include "dialect/operation.hpp"

namespace hawser::stage::authenticate {

std::vector<config::Problem> KeyConfig::check() const {
  if (auto problem = dialect::grants_problem(operations); !problem.empty()) {
    return {{"operations", std::move(problem)}};
  }
  return {};
}

}  // namespace hawser::stage::authenticate
