#include "gateway/peers.hpp"

#include <chrono>

#include "base/wall_clock.hpp"
#include "export/page.hpp"
#include "net/peer_record.hpp"
#include "telemetry/log.hpp"

namespace hawser::gateway {
namespace {

using std::chrono::system_clock;

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::string render_peers() {
  exporting::Page page;
  const auto records = net::PeerRecord::all();
  if (records.empty()) return {};
  page.family("hawser_upstream_certificate_expiry_seconds", "gauge",
              "Time until the first certificate of the provider's chain ends.");
  for (const auto& record : records) {
    const std::int64_t not_after = record->not_after.load();
    if (not_after != 0) page.sample({{"provider", record->name}}, not_after - seconds_now());
  }
  page.family("hawser_upstream_pin_mismatches_total", "counter",
              "Handshakes without a pinned key.");
  for (const auto& record : records) {
    page.sample({{"provider", record->name}}, record->pin_mismatches.load());
  }
  return page.take();
}

void PeerWatch::look() {
  for (const auto& record : net::PeerRecord::all()) {
    Said& said = said_[record->name];
    const std::int64_t not_after = record->not_after.load();
    const bool soon = not_after != 0 && not_after - seconds_now() < record->warn_before.load();
    if (soon && std::exchange(said.not_after, not_after) != not_after) {
      const std::string when = rfc3339(system_clock::from_time_t(not_after));
      log::warn("a provider's certificate ends soon",
                {{"provider", log::safe(record->name)}, {"ends", log::safe(when)}});
    }
    const std::uint64_t mismatches = record->pin_mismatches.load();
    if (std::exchange(said.pin_mismatches, mismatches) != mismatches) {
      log::warn("no certificate of a provider's chain has a pinned key",
                {{"provider", log::safe(record->name)}, {"connections", mismatches}});
    }
  }
}

}  // namespace hawser::gateway
