#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/master_key.hpp"
#include "base/strong.hpp"
#include "config/fields.hpp"

namespace hawser::audit {

/// What happens while the log cannot be written.
enum class OnFailure : std::uint8_t { go_on, refuse };
inline auto names_of(OnFailure) {
  static constexpr config::EnumName<OnFailure> names[] = {{OnFailure::go_on, "continue"},
                                                          {OnFailure::refuse, "refuse"}};
  return std::span(names);
}

struct AuditConfig {
  std::string folder{};
  Secret key{};
  std::string node = "hawser";
  std::string witness{};
  OnFailure on_failure = OnFailure::go_on;
  std::vector<std::string> strict_tenants{};
  bool content_hashes = false;
  bool sync = true;
  milliseconds commit_every{20};
  milliseconds sign_every{1000};
  std::uint32_t sign_lines = 1024;
  Bytes segment_max{64 * 1024 * 1024};
  milliseconds segment_time{24h};
  Bytes queue_max{64 * 1024 * 1024};
  std::uint32_t strangers_a_second = 100;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("folder", folder, config::Required{},
          "Folder of the log's segments, of this process alone; it is made where it is missing. "
          "All of audit but strict_tenants and content_hashes is read at start.");
    field("key", key, config::Required{},
          "32 bytes, from which the key that signs follows (hawser audit keygen).");
    field("node", node, config::Anything{}, "Name of this gateway in the log.");
    field("witness", witness, config::Anything{},
          "File that gets a copy of every signed root, best on another machine's disk: it shows "
          "that the end of the log was taken away. Empty: none.");
    field("on_failure", on_failure, config::Anything{},
          "While the log cannot be written: continue (serve; what is beyond queue_max is not "
          "recorded, but counted, in the log too) or refuse (503).");
    field("strict_tenants", strict_tenants, config::Anything{},
          "Tenants who get no byte of an answer before the record of its decision is on the disk; "
          "\"*\": all.");
    field("content_hashes", content_hashes, config::Anything{},
          "Records an HMAC-SHA256 of the body that was asked with, under a key that follows from "
          "audit.key.");
    field("sync", sync, config::Anything{},
          "Waits for the disk with every commit: a loss of power loses nothing that is committed.");
    field("commit_every", commit_every, config::Range<milliseconds>{1ms, 10s},
          "How long records wait for others to be written with them.");
    field("sign_every", sign_every, config::Range<milliseconds>{10ms, 1h},
          "How long lines stay unsigned.");
    field("sign_lines", sign_lines, config::Range<std::uint32_t>{1, 65536},
          "How many lines one signature covers at most.");
    field("segment_max", segment_max,
          config::Range<Bytes>{Bytes(4 * 1024), Bytes(std::uint64_t{1} << 40)},
          "Size from which on a new segment is begun.");
    field("segment_time", segment_time, config::Range<milliseconds>{1s, 24h * 366},
          "Age from which on a new segment is begun.");
    field("queue_max", queue_max,
          config::Range<Bytes>{Bytes(4 * 1024), Bytes(std::uint64_t{1} << 40)},
          "Bytes of records that may wait for the disk.");
    field("strangers_a_second", strangers_a_second, config::Range<std::uint32_t>{1, 1'000'000},
          "Records a second of requests without a valid key; what is beyond is only counted.");
  }
  std::vector<config::Problem> check() const {
    const auto parsed = MasterKey::parse(key);
    if (parsed) return {};
    return {{"key", parsed.error().message}};
  }
};

}  // namespace hawser::audit
