// Property: however a form is cut, its reading is the same, and where it says that the model stands
// the model stands.
#include <cstdint>
#include <cstdlib>

#include "dialect/form_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view form(reinterpret_cast<const char*>(data), size);
  hawser::dialect::FormReader whole("b");
  const bool read = whole.feed(form) && whole.finish();
  hawser::dialect::FormReader cut("b");
  bool again = true;
  for (std::size_t at = 0; at < form.size() && again; ++at) again = cut.feed(form.substr(at, 1));
  again = again && cut.finish();
  if (read != again || whole.has_model() != cut.has_model()) std::abort();
  if (!read || !whole.has_model()) return 0;
  if (whole.model() != cut.model() || whole.model_at() != cut.model_at()) std::abort();
  if (form.substr(whole.model_at(), whole.model().size()) != whole.model()) std::abort();
  return 0;
}
