#include "stage/attempt/ask_for_usage.hpp"

#include "base/json.hpp"

namespace hawser::stage::attempt {
namespace {

/// The same options with include_usage.
std::string with_usage(std::string_view options) {
  std::string out = R"({"include_usage":true)";
  std::string scratch;
  for_each_member(options, [&](std::string_view name, std::string_view value) {
    const bool same = decode_json_string(name, scratch) && scratch == "include_usage";
    if (!same) out.append(",").append(name).append(":").append(value);
    return true;
  });
  return out.append("}");
}

}  // namespace

std::optional<BodyEdit> ask_for_usage(const exchange::Request& request) {
  using dialect::Api;
  const bool tells_when_asked =
      request.endpoint.api == Api::chat || request.endpoint.api == Api::completions;
  if (!tells_when_asked || !request.json || request.stream != nullptr || !request.facts.stream) {
    return std::nullopt;
  }
  const std::string_view options = json_member(request.body, "stream_options");
  if (options.empty()) {
    const std::size_t inside = request.body.find('{') + 1;
    return BodyEdit{inside, 0, R"("stream_options":{"include_usage":true},)"};
  }
  if (options != "null" && options.front() != '{') return std::nullopt;  // the provider's to refuse
  if (json_member(options, "include_usage") == "true") return std::nullopt;
  const auto at = static_cast<std::size_t>(options.data() - request.body.data());
  return BodyEdit{at, options.size(), with_usage(options)};
}

}  // namespace hawser::stage::attempt
