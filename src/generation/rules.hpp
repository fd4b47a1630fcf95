#pragma once

#include <cstdint>
#include <optional>

namespace hawser::generation {

/// What a client that is gone means for its generation.
enum class OnDisconnect : std::uint8_t { linger, cancel, finish };

/// Whose equal requests share an answer that is under way.
enum class Sharing : std::uint8_t { key, team, tenant };

/// What a route says in place of the general rules; unset: as they are.
struct Rules {
  std::optional<OnDisconnect> on_disconnect{};
  std::optional<bool> coalesce{};
};

}  // namespace hawser::generation
