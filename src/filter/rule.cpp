#include "filter/rule.hpp"

namespace hawser::filter {

std::vector<Rule> default_rules(Direction direction) {
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < detectors_count; ++i) {
    const auto detector = static_cast<Detector>(i);
    if (detector == Detector::assigned_secret && direction == Direction::answer) continue;
    rules.push_back({.name = std::string(name_of(detector)), .looks_for = detector});
  }
  return rules;
}

}  // namespace hawser::filter
