#include "gateway/peers.hpp"

#include <chrono>

#include "base/wall_clock.hpp"
#include "net/peer_record.hpp"
#include "telemetry/json_text.hpp"
#include "telemetry/log.hpp"

namespace hawser::gateway {
namespace {

using std::chrono::system_clock;

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch())
      .count();
}

std::string series(const char* name, const std::string& provider) {
  std::string out = name;
  out.append("{provider=");
  telemetry::append_json(out, provider);
  return out.append("} ");
}

}  // namespace

std::string render_peers() {
  std::string ends, mismatches;
  for (const auto& record : net::PeerRecord::all()) {
    if (const std::int64_t not_after = record->not_after.load(); not_after != 0) {
      ends += series("hawser_upstream_certificate_expiry_seconds", record->name) +
              std::to_string(not_after - seconds_now()) + "\n";
    }
    mismatches += series("hawser_upstream_pin_mismatches_total", record->name) +
                  std::to_string(record->pin_mismatches.load()) + "\n";
  }
  std::string out;
  if (!ends.empty()) {
    out +=
        "# HELP hawser_upstream_certificate_expiry_seconds Time until the first certificate of "
        "the provider's chain ends.\n"
        "# TYPE hawser_upstream_certificate_expiry_seconds gauge\n" +
        ends;
  }
  if (!mismatches.empty()) {
    out +=
        "# HELP hawser_upstream_pin_mismatches_total Handshakes without a pinned key.\n"
        "# TYPE hawser_upstream_pin_mismatches_total counter\n" +
        mismatches;
  }
  return out;
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
