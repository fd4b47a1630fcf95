#include "gateway/cache_views.hpp"

#include "config/scalar.hpp"
#include "export/page.hpp"
#include "wire/percent.hpp"

namespace hawser::gateway {

namespace {

void add_disk(exporting::Page& page, const store::DiskCache::Totals& totals) {
  page.add("hawser_cache_disk_bytes", "gauge", "What the cached answers take of the disk.",
           totals.bytes);
  page.add("hawser_cache_disk_entries", "gauge", "Cached answers on the disk.", totals.entries);
  page.family("hawser_cache_disk_dropped_total", "counter",
              "Answers that were not kept on the disk, by what was in the way.");
  page.sample({{"cause", "queue"}}, totals.dropped_queue);
  page.sample({{"cause", "size"}}, totals.dropped_size);
  page.sample({{"cause", "disk"}}, totals.dropped_disk);
}

Result<stage::cache::Purge> parse_purge(std::string_view query) {
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
  return purge;
}

}  // namespace

std::string render_cache(const stage::cache::Cache::Shelves& shelves) {
  const auto totals = shelves.memory.totals();
  exporting::Page page;
  page.add("hawser_cache_bytes", "gauge", "Memory of the cached answers.", totals.bytes);
  page.add("hawser_cache_entries", "gauge", "Cached answers.", totals.entries);
  page.add("hawser_cache_evictions_total", "counter", "Answers that made room for others.",
           totals.evictions);
  page.add("hawser_semantic_cache_entries", "gauge", "Questions that are kept by their meaning.",
           shelves.neighbours->size());
  if (shelves.disk != nullptr) add_disk(page, shelves.disk->totals());
  return page.take();
}

// The disk first: what is read from it meanwhile must not come back into memory afterwards.
Task<Result<std::string>> purge_cache(stage::cache::Cache::Shelves shelves, net::Reactor& here,
                                      std::string_view query) {
  const auto purge = parse_purge(query);
  if (!purge) co_return purge.error();
  std::string disk;
  std::optional<Error> failed;
  if (shelves.disk != nullptr) {
    const auto purged = co_await shelves.disk->purge(here, *purge);
    if (purged) {
      disk = ",\"purged_disk\":" + std::to_string(*purged);
    } else {
      failed = purged.error();
    }
  }
  const std::size_t count = shelves.memory.purge(*purge);  // whatever became of the disk
  shelves.neighbours->erase_if(
      [&](const stage::cache::Key& answer) { return !shelves.memory.find(answer); });
  if (failed) co_return std::move(*failed);
  std::string answer = "{\"purged\":" + std::to_string(count) + disk + "}";
  co_return answer;
}

}  // namespace hawser::gateway
