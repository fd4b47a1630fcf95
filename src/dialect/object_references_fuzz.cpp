// Properties: a list that was filtered has none of the entries that were not to be kept, and is a
// list again; what a body refers to is what it refers to once more when it is read again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "dialect/made_objects.hpp"
#include "dialect/object_references.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hawser;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto keep = [](std::string_view id) { return id.size() % 2 == 0; };
  if (const auto kept = dialect::filter_list(text, keep)) {
    if (!is_json(*kept)) std::abort();
    const auto again = dialect::filter_list(*kept, [&](std::string_view id) {
      if (!keep(id)) std::abort();
      return true;
    });
    if (!again) std::abort();
  }
  std::vector<std::string> made;
  dialect::for_each_made(text, dialect::ObjectKind::response, true,
                         [&](dialect::ObjectKind, std::string_view id) { made.emplace_back(id); });
  const auto read = dialect::for_each_reference(text, dialect::batch_line_rules,
                                                [&](dialect::ObjectKind kind, std::string_view id) {
                                                  (void)id;  // an empty one is nobody's
                                                  if (kind == dialect::ObjectKind::none)
                                                    std::abort();
                                                });
  if (read == dialect::ReferencesRead::not_json && is_json(text)) std::abort();
  return 0;
}
