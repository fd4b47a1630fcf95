#pragma once

#include <span>
#include <string>

#include "base/clock.hpp"
#include "config/fields.hpp"
#include "generation/rules.hpp"

namespace hawser::stage::record {

using generation::OnDisconnect;
using generation::Sharing;
}  // namespace hawser::stage::record

namespace hawser::generation {
/// Found by the configuration's loader beside the enum.
inline auto names_of(OnDisconnect) {
  static constexpr config::EnumName<OnDisconnect> names[] = {{OnDisconnect::linger, "linger"},
                                                             {OnDisconnect::cancel, "cancel"},
                                                             {OnDisconnect::finish, "finish"}};
  return std::span(names);
}
inline auto names_of(Sharing) {
  static constexpr config::EnumName<Sharing> names[] = {
      {Sharing::key, "key"}, {Sharing::team, "team"}, {Sharing::tenant, "tenant"}};
  return std::span(names);
}
}  // namespace hawser::generation

namespace hawser::stage::record {

/// How generations outlive their connections.
struct RecordConfig {
  OnDisconnect on_disconnect = OnDisconnect::linger;
  milliseconds grace{120'000};
  milliseconds grace_unannounced{20'000};
  milliseconds kept{300'000};
  milliseconds heartbeat{15'000};
  bool event_ids = true;
  bool reattach = true;
  bool coalesce = false;
  Sharing coalesce_scope = Sharing::key;
  Bytes log_max{8 * 1024 * 1024};
  Bytes memory_max{1024ull * 1024 * 1024};
  Bytes delivered_max{64 * 1024 * 1024};
  std::uint32_t detached_per_key_max = 64;
  std::uint32_t detached_events_max = 8192;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("on_disconnect", on_disconnect, config::Anything{},
          "When the client of a stream is gone: linger (it runs on for a grace time), cancel, or "
          "finish (it runs to its end).");
    field("grace", grace, config::Range<milliseconds>{0ms, 10min},
          "How long a generation runs on for a client that said it will come back "
          "(x-hawser-resumable: 1).");
    field("grace_unannounced", grace_unannounced, config::Range<milliseconds>{0ms, 10min},
          "The same for a client that said nothing.");
    field("kept", kept, config::Range<milliseconds>{0ms, 1h},
          "How long an ended generation can be read again.");
    field("heartbeat", heartbeat, config::Range<milliseconds>{10ms, 10min},
          "A stream that is silent for so long gets a comment line.");
    field("event_ids", event_ids, config::Anything{},
          "Puts an id line before each event, for Last-Event-ID. Without it streams are byte for "
          "byte those of the provider.");
    field("reattach", reattach, config::Anything{},
          "A client that posts the same request again after a drop gets the answer that is under "
          "way, not a second one.");
    field("coalesce", coalesce, config::Anything{},
          "Identical requests that are in flight at the same time share one answer.");
    field("coalesce_scope", coalesce_scope, config::Anything{},
          "Whose: of one key, of the keys of one team, or of one tenant.");
    field(
        "log_max", log_max, config::Range<Bytes>{Bytes{64 * 1024}, Bytes{1024ull * 1024 * 1024}},
        "Log of one generation; a longer one goes on, but cannot be taken up from its beginning.");
    field(
        "memory_max", memory_max,
        config::Range<Bytes>{Bytes{1024 * 1024}, Bytes{1024ull * 1024 * 1024 * 1024}},
        "All logs of the process, of running generations too. Beyond it the oldest ended ones are "
        "forgotten; then what a client does not read is not fetched from its provider.");
    field("delivered_max", delivered_max,
          config::Range<Bytes>{Bytes{0}, Bytes{1024ull * 1024 * 1024 * 1024}},
          "Logs of a worker that a client got to their end: beyond it the oldest are forgotten "
          "before their time.");
    field("detached_per_key_max", detached_per_key_max, config::Range<std::uint32_t>{0, 100'000},
          "Generations of one key, on a worker, that run without a client; beyond it the oldest "
          "stop.");
    field("detached_events_max", detached_events_max, config::Range<std::uint32_t>{0, 1'000'000},
          "Events that a generation may make without a client.");
  }
};

}  // namespace hawser::stage::record
