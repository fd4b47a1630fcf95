#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hawser::net {

/// What is known of the certificates of one outside service, by the name that operators know it
/// by. Shared by all workers and kept over reloads; written by handshakes.
struct PeerRecord {
  std::string name{};
  std::atomic<std::int64_t> not_after{0};    // seconds since 1970 of the first to end; 0: not seen
  std::atomic<std::int64_t> warn_before{0};  // seconds
  std::atomic<std::uint64_t> pin_mismatches{0};

  /// The record of that name; a new one where nobody holds it.
  static std::shared_ptr<PeerRecord> of(const std::string& name);
  /// All that somebody holds, by name.
  static std::vector<std::shared_ptr<PeerRecord>> all();
};

}  // namespace hawser::net
