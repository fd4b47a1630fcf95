#include "policy/tags.hpp"

#include <algorithm>

namespace hawser::policy {
namespace {

void put(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(name).append("=").append(std::to_string(value.size()));
  out.append(":").append(value).append(";");
}

void put(std::string& out, std::string_view name, std::optional<bool> value) {
  if (value) put(out, name, std::string_view(*value ? "true" : "false"));
}

}  // namespace

Tags overlaid(Tags base, const Tags& over) {
  const auto prefer = [](auto& kept, const auto& other) {
    if (other != std::remove_cvref_t<decltype(other)>()) kept = other;
  };
  prefer(base.region, over.region);
  prefer(base.country, over.country);
  prefer(base.zone, over.zone);
  prefer(base.operated_by, over.operated_by);
  prefer(base.legal, over.legal);
  prefer(base.zdr, over.zdr);
  prefer(base.train, over.train);
  prefer(base.global, over.global);
  for (const auto& label : over.labels) {
    std::erase_if(base.labels, [&](const auto& kept) { return kept.first == label.first; });
    base.labels.push_back(label);
  }
  return base;
}

std::string text_of(const Tags& tags) {
  std::string out;
  put(out, "region", tags.region);
  put(out, "country", tags.country);
  put(out, "zone", tags.zone);
  put(out, "operator", tags.operated_by);
  auto legal = tags.legal;
  std::sort(legal.begin(), legal.end());
  for (const auto& area : legal) put(out, "legal", area);
  put(out, "zdr", tags.zdr);
  put(out, "train", tags.train);
  put(out, "global", tags.global);
  auto labels = tags.labels;
  std::sort(labels.begin(), labels.end());
  for (const auto& [name, value] : labels) put(out, "labels." + name, value);
  return out;
}

}  // namespace hawser::policy
