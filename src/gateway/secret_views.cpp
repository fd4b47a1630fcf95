#include "gateway/secret_views.hpp"

namespace hawser::gateway {
namespace {

std::string label(const std::string& text) {
  std::string out = "{source=\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c == '\n' ? ' ' : c);
  }
  return out + "\"";
}

}  // namespace

std::string render_secrets(const secret::Keeper& keeper) {
  const auto shown = keeper.show();
  if (shown.empty()) return {};
  std::string age =
      "# HELP hawser_secret_age_seconds Time since a secret was fetched.\n"
      "# TYPE hawser_secret_age_seconds gauge\n";
  std::string usable =
      "# HELP hawser_secret_usable Whether a secret is within its time to live.\n"
      "# TYPE hawser_secret_usable gauge\n";
  std::string fetches =
      "# HELP hawser_secret_fetches_total Secrets asked for, by what came of it.\n"
      "# TYPE hawser_secret_fetches_total counter\n";
  for (const auto& each : shown) {
    const std::string of = label(each.source);
    if (each.fetched > 0) {
      age += "hawser_secret_age_seconds" + of + "} " + std::to_string(each.age) + "\n";
    }
    usable += "hawser_secret_usable" + of + "} " + (each.good ? "1\n" : "0\n");
    fetches += "hawser_secret_fetches_total" + of + ",result=\"ok\"} " +
               std::to_string(each.fetched) + "\n";
    fetches += "hawser_secret_fetches_total" + of + ",result=\"failed\"} " +
               std::to_string(each.failed) + "\n";
  }
  return age + usable + fetches;
}

}  // namespace hawser::gateway
