#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Counters, gauges and histograms in Prometheus' sense. Each worker adds to a shard of its own
/// without a lock; a scrape sums the shards.
namespace hawser::telemetry {

/// One time series: where its cells begin in every shard.
struct SeriesId {
  std::uint32_t cell = 0;
  std::uint16_t bounds = 0;  // histogram: index of its bounds; 0: none
};

enum class Kind : std::uint8_t { counter, gauge, histogram };

using Labels = std::vector<std::pair<std::string, std::string>>;

/// The cells of one thread. Only that thread writes; any thread may read.
class Shard {
 public:
  void add(SeriesId id, std::int64_t n = 1) {
    auto& cell = at(id.cell);
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// Books one observation of a histogram, in seconds (or whatever unit its bounds have).
  void observe(SeriesId id, double value);

 private:
  friend class Registry;
  static constexpr std::size_t block_cells = 4096;
  static constexpr std::size_t blocks_max = 256;
  using Block = std::array<std::atomic<std::int64_t>, block_cells>;

  explicit Shard(const std::atomic<const std::vector<double>*>* bounds) : bounds_(bounds) {}
  std::atomic<std::int64_t>& at(std::uint32_t cell) {
    const auto block = cell / block_cells;
    if (!blocks_[block].load(std::memory_order_relaxed)) {
      owned_.push_back(std::make_unique<Block>());
      blocks_[block].store(owned_.back().get(), std::memory_order_release);
    }
    return (*blocks_[block].load(std::memory_order_relaxed))[cell % block_cells];
  }
  std::int64_t read(std::uint32_t cell) const {
    const Block* block = blocks_[cell / block_cells].load(std::memory_order_acquire);
    return block == nullptr ? 0 : (*block)[cell % block_cells].load(std::memory_order_relaxed);
  }

  const std::atomic<const std::vector<double>*>* bounds_;
  std::array<std::atomic<Block*>, blocks_max> blocks_{};
  std::vector<std::unique_ptr<Block>> owned_;
};

/// All series of the process. Thread-safe. The same family and labels give the same series again,
/// so that a reload of the configuration goes on counting where it was.
class Registry {
 public:
  static constexpr std::size_t series_max = 2000;  // a family; later ones count as "other"
  static constexpr std::size_t bounds_max = 64;

  SeriesId counter(std::string_view name, std::string_view help, const Labels& labels = {});
  SeriesId gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  /// @param bounds  upper bounds, ascending, without infinity
  SeriesId histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                     const Labels& labels = {});

  /// A shard for one more thread; lives as long as the registry.
  Shard& make_shard();

  struct Series {
    Labels labels{};
    SeriesId id{};
  };
  struct Family {
    std::string help{};
    Kind kind = Kind::counter;
    std::vector<Series> series{};
  };
  struct Reading {
    std::int64_t value = 0;  // counter, gauge
    std::vector<std::uint64_t>
        buckets{};  // histogram: not cumulative, the last one above all bounds
    double sum = 0;
  };
  /// Calls `visit(name, family)` in the order of names, under the registry's lock.
  template <class Visit>
  void each(Visit&& visit) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, family] : families_) visit(name, family);
  }
  /// Sum over the shards. Call it from within each() only.
  Reading read(const Family& family, const Series& series) const;
  std::span<const double> bounds_of(SeriesId id) const;
  /// A counter's or gauge's value by name and labels; 0 when there is none. For tests.
  std::int64_t value(std::string_view name, const Labels& labels = {}) const;

 private:
  SeriesId series(std::string_view name, std::string_view help, Kind kind, std::uint16_t bounds,
                  const Labels& labels);
  std::uint16_t bounds_index(std::span<const double> bounds);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
  std::uint32_t cells_ = 0;
  std::array<std::atomic<const std::vector<double>*>, bounds_max> bounds_{};
  std::vector<std::unique_ptr<std::vector<double>>> owned_bounds_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace hawser::telemetry
