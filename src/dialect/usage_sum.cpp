#include <algorithm>
#include <limits>

#include "dialect/usage.hpp"

namespace hawser::dialect {
namespace {

std::uint32_t sum(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t both = std::uint64_t{a} + b;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(both, std::numeric_limits<std::uint32_t>::max()));
}

constexpr std::uint32_t Usage::*all_counts[] = {
    &Usage::input,        &Usage::output,           &Usage::cached,       &Usage::cache_write,
    &Usage::reasoning,    &Usage::cache_write_long, &Usage::audio_input,  &Usage::audio_cached,
    &Usage::audio_output, &Usage::image_input,      &Usage::image_cached, &Usage::image_output,
    &Usage::other_input,  &Usage::other_output,     &Usage::searches,     &Usage::audio_ms};

}  // namespace

void merge_usage(Usage& known, const Usage& again) {
  if (!again.known) return;
  known.known = true;
  known.cached_within = known.cached_within && again.cached_within;
  known.input_split = known.input_split || again.input_split;
  known.output_split = known.output_split || again.output_split;
  if (again.tier_told) known.tier = again.tier;
  known.tier_told = known.tier_told || again.tier_told;
  for (const auto count : all_counts) known.*count = std::max(known.*count, again.*count);
}

void add_usage(Usage& sum_of, const Usage& more) {
  if (!more.known) return;
  if (!sum_of.known) {
    sum_of = more;
    return;
  }
  const auto count_cache_within = [](Usage usage) {
    if (!usage.cached_within) {
      usage.input = sum(usage.input, sum(usage.cached, usage.cache_write));
      usage.cached_within = true;
    }
    return usage;
  };
  Usage from = more;
  if (sum_of.cached_within != from.cached_within) {
    sum_of = count_cache_within(sum_of);
    from = count_cache_within(from);
  }
  for (const auto count : all_counts) sum_of.*count = sum(sum_of.*count, from.*count);
  sum_of.input_split = sum_of.input_split && from.input_split;
  sum_of.output_split = sum_of.output_split && from.output_split;
  sum_of.tier = std::max(sum_of.tier, from.tier);
  sum_of.tier_told = sum_of.tier_told || from.tier_told;
}

}  // namespace hawser::dialect
