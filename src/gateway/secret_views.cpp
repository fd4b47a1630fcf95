#include "gateway/secret_views.hpp"

#include "export/page.hpp"

namespace hawser::gateway {
std::string render_secrets(const secret::Keeper& keeper) {
  const auto shown = keeper.show();
  if (shown.empty()) return {};
  exporting::Page page;
  page.family("hawser_secret_age_seconds", "gauge", "Time since a secret was fetched.");
  for (const auto& each : shown) {
    if (each.fetched > 0) page.sample({{"source", each.source}}, each.age);
  }
  page.family("hawser_secret_usable", "gauge", "Whether a secret is within its time to live.");
  for (const auto& each : shown) page.sample({{"source", each.source}}, each.good ? 1 : 0);
  page.family("hawser_secret_fetches_total", "counter", "Secrets asked for, by what came of it.");
  for (const auto& each : shown) {
    page.sample({{"source", each.source}, {"result", "ok"}}, each.fetched);
    page.sample({{"source", each.source}, {"result", "failed"}}, each.failed);
  }
  return page.take();
}

}  // namespace hawser::gateway
