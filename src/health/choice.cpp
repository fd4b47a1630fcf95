#include "health/choice.hpp"

#include <array>

namespace hawser::health {
namespace {

constexpr std::size_t options_max = 64;

/// Indices of the warm options of the lowest group that has one, in their order.
struct Warm {
  std::array<std::uint8_t, options_max> index{};
  std::size_t count = 0;
};

Warm lowest_warm(std::span<const Option> options, int above) {
  Warm warm;
  int group = -1;
  for (std::size_t i = 0; i < options.size() && i < options_max; ++i) {
    const Option& option = options[i];
    if (option.tried || option.condition.state != Condition::State::warm) continue;
    if (option.group <= above || (group >= 0 && option.group > group)) continue;
    if (option.group != group) warm.count = 0;
    group = option.group;
    warm.index[warm.count++] = static_cast<std::uint8_t>(i);
  }
  return warm;
}

/// The better of two drawn at random; one that came back lately counts as worse than it is.
std::size_t better_of_two(std::span<const Option> options, const Warm& warm, double first,
                          double second) {
  const auto drawn = [&](double at, std::size_t of) {
    return static_cast<std::size_t>(at * static_cast<double>(of));
  };
  const std::size_t a = drawn(first, warm.count);
  std::size_t b = drawn(second, warm.count - 1);
  if (b >= a) ++b;
  const auto cost = [&](std::size_t at) {
    const Option& option = options[warm.index[at]];
    return option.score / option.share;
  };
  return warm.index[cost(b) < cost(a) ? b : a];
}

Choice least_bad(std::span<const Option> options) {
  Choice choice;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const Option& option = options[i];
    if (option.tried) continue;
    const bool avoided = option.condition.state == Condition::State::avoided;
    const bool better =
        choice.what == Choice::What::none || (avoided && choice.what == Choice::What::wait) ||
        (avoided == (choice.what == Choice::What::take) && option.condition.until < choice.until);
    if (!better) continue;
    choice = {avoided ? Choice::What::take : Choice::What::wait, i, option.condition.until};
  }
  return choice;
}

}  // namespace

Choice choose(std::span<const Option> options, const double (&random)[3]) {
  const Warm warm = lowest_warm(options, -1);
  if (warm.count == 0) return least_bad(options);
  if (warm.count > 1) {
    return {Choice::What::take, better_of_two(options, warm, random[0], random[1]), {}};
  }
  const std::size_t only = warm.index[0];
  // One that came back lately leaves a part of its share to the next group.
  if (random[2] >= options[only].share) {
    const Warm next = lowest_warm(options, options[only].group);
    if (next.count > 0) return {Choice::What::take, next.index[0], {}};
  }
  return {Choice::What::take, only, {}};
}

}  // namespace hawser::health
