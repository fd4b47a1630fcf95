#include "telemetry/metrics.hpp"

#include <algorithm>
#include <stdexcept>

namespace hawser::telemetry {
namespace {

/// Sums of seconds are kept in billionths and those of counts as they are, so that a cell is one
/// integer whatever it holds, and never runs over.
double sum_scale(const std::vector<double>& bounds) {
  return bounds.front() < 1 ? 1e9 : 1;
}

Labels others(Labels labels) {
  for (auto& [name, value] : labels) value = "other";
  return labels;
}

}  // namespace

// Cells of a histogram: one a bucket, one above all bounds, the sum.
void Shard::observe(SeriesId id, double value) {
  const auto& bounds = *bounds_[id.bounds].load(std::memory_order_acquire);
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin();
  add({id.cell + static_cast<std::uint32_t>(bucket), 0});
  add({id.cell + static_cast<std::uint32_t>(bounds.size()) + 1, 0},
      static_cast<std::int64_t>(value * sum_scale(bounds)));
}

SeriesId Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  return series(name, help, Kind::counter, 0, labels);
}

SeriesId Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  return series(name, help, Kind::gauge, 0, labels);
}

SeriesId Registry::histogram(std::string_view name, std::string_view help,
                             std::span<const double> bounds, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  return series(name, help, Kind::histogram, bounds_index(bounds), labels);
}

std::uint16_t Registry::bounds_index(std::span<const double> bounds) {
  for (std::size_t i = 0; i < owned_bounds_.size(); ++i) {
    if (std::equal(bounds.begin(), bounds.end(), owned_bounds_[i]->begin(),
                   owned_bounds_[i]->end())) {
      return static_cast<std::uint16_t>(i + 1);
    }
  }
  if (owned_bounds_.size() + 1 == bounds_max) throw std::logic_error("too many sets of bounds");
  owned_bounds_.push_back(std::make_unique<std::vector<double>>(bounds.begin(), bounds.end()));
  const std::size_t index = owned_bounds_.size();
  bounds_[index].store(owned_bounds_.back().get(), std::memory_order_release);
  return static_cast<std::uint16_t>(index);
}

SeriesId Registry::series(std::string_view name, std::string_view help, Kind kind,
                          std::uint16_t bounds, const Labels& labels) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_.emplace(std::string(name), Family{std::string(help), kind, {}}).first;
  }
  Family& family = found->second;
  for (const Series& known : family.series) {
    if (known.labels == labels) return known.id;
  }
  if (family.series.size() >= series_max && labels != others(labels)) {
    return series(name, help, kind, bounds, others(labels));
  }
  const SeriesId id{cells_, bounds};
  const auto width = kind == Kind::histogram ? owned_bounds_[bounds - 1u]->size() + 2 : 1;
  cells_ += static_cast<std::uint32_t>(width);
  family.series.push_back({labels, id});
  return id;
}

Shard& Registry::make_shard() {
  const std::lock_guard lock(mutex_);
  shards_.push_back(std::unique_ptr<Shard>(new Shard(bounds_.data())));
  return *shards_.back();
}

std::span<const double> Registry::bounds_of(SeriesId id) const {
  return *bounds_[id.bounds].load(std::memory_order_acquire);
}

Registry::Reading Registry::read(const Family& family, const Series& series) const {
  Reading reading;
  if (family.kind != Kind::histogram) {
    for (const auto& shard : shards_) reading.value += shard->read(series.id.cell);
    return reading;
  }
  const std::size_t buckets = bounds_of(series.id).size() + 1;
  reading.buckets.resize(buckets);
  for (const auto& shard : shards_) {
    for (std::uint32_t i = 0; i < buckets; ++i) {
      reading.buckets[i] += static_cast<std::uint64_t>(shard->read(series.id.cell + i));
    }
    const auto sum = shard->read(series.id.cell + static_cast<std::uint32_t>(buckets));
    reading.sum += static_cast<double>(sum) / sum_scale(*bounds_[series.id.bounds].load());
  }
  return reading;
}

std::int64_t Registry::value(std::string_view name, const Labels& labels) const {
  const std::lock_guard lock(mutex_);
  const auto found = families_.find(name);
  if (found == families_.end()) return 0;
  for (const Series& known : found->second.series) {
    if (known.labels == labels) return read(found->second, known).value;
  }
  return 0;
}

}  // namespace hawser::telemetry
