#pragma once

#include <string>

#include "config/fields.hpp"

namespace hawser::stage::ownership {

/// Where it is kept which tenant made which file, batch, response and so on at the providers.
struct OwnershipConfig {
  std::string path{};
  std::uint32_t entries_max = 200'000;

  template <class Visitor>
  void fields(Visitor&& field) {
    field(
        "path", path, config::Anything{},
        "An SQLite file that keeps the owners of objects over restarts; empty: they are forgotten "
        "at a restart, and objects made before belong to nobody then.");
    field("entries_max", entries_max, config::Range<std::uint32_t>{1'000, 10'000'000},
          "How many objects are known, about 300 bytes of memory each. Beyond it the tenant that "
          "has the most loses its oldest ones.");
  }
};

}  // namespace hawser::stage::ownership
