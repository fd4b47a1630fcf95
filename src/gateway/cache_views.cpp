#include "gateway/cache_views.hpp"

#include "config/scalar.hpp"
#include "wire/percent.hpp"

namespace hawser::gateway {

std::string render_cache(const stage::cache::Shelf& cache) {
  const auto totals = cache.totals();
  std::string out;
  const auto add = [&out](const char* name, const char* type, const char* help, auto value) {
    out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
    out.append(" ").append(type).append("\n").append(name).append(" ");
    out.append(std::to_string(value)).append("\n");
  };
  add("hawser_cache_bytes", "gauge", "Memory of the cached answers.", totals.bytes);
  add("hawser_cache_entries", "gauge", "Cached answers.", totals.entries);
  add("hawser_cache_evictions_total", "counter", "Answers that made room for others.",
      totals.evictions);
  return out;
}

Result<std::string> purge_cache(stage::cache::Shelf& cache, std::string_view query) {
  stage::cache::Purge purge;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const auto value = wire::percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) {
      return Error{.code = Code::invalid_request, .message = "the query is not percent-encoded"};
    }
    if (name == "tenant") {
      purge.tenant = *value;
    } else if (name == "model") {
      purge.model = *value;
    } else if (name == "older_than") {
      const auto age = config::parse_duration(*value);
      if (!age) return age.error();
      purge.older_than = *age;
    } else {
      return Error{.code = Code::invalid_request,
                   .message = "known are tenant, model and older_than"};
    }
  }
  return "{\"purged\":" + std::to_string(cache.purge(purge)) + "}";
}

}  // namespace hawser::gateway
