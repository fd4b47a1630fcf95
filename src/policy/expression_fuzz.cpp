// Property: any text is an expression or a mistake with its place; an expression that comes to yes
// without any tag does not depend on one, so it comes to yes with every tag.
#include <cstdint>
#include <cstdlib>

#include "policy/expression.hpp"

using namespace hawser::policy;

namespace {

void look(std::string_view text, About about) {
  const std::vector<std::string> labels{"tier"};
  const auto parsed = Expression::parse(text, about, labels);
  if (!parsed) {
    if (!parsed.error().message.starts_with("at ")) std::abort();
    return;
  }
  Tags some;
  some.region = "eu";
  some.legal = {"gdpr"};
  some.zdr = true;
  some.labels = {{"tier", "gold"}};
  const Tags none;
  const Asker asker{.tenant = "a"};
  const bool depends_on_presence = text.find("has") != std::string_view::npos;
  const Truth without = parsed->truth({{}, &none, &none, &asker});
  const Truth with = parsed->truth({{}, &some, &none, &asker});
  if (!depends_on_presence && without != Truth::unknown && with != without) std::abort();
  if (without == Truth::unknown && parsed->missing({{}, &none, &none, &asker}).empty())
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  look(text, About::targets);
  look(text, About::requests);
  return 0;
}
