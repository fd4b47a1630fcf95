#include "stage/admit/estimate.hpp"

#include <algorithm>
#include <cmath>

#include "base/json.hpp"

namespace hawser::stage::admit {
namespace {

constexpr double step = 1.4;
constexpr float forget_at = 200;        // answers after which all count half
constexpr std::uint64_t image = 3'000;  // bytes of text that an image or sound is taken for
constexpr std::size_t binary_min = 4'096;

std::size_t slot_of(std::uint64_t tokens) {
  if (tokens < 2) return 0;
  return std::min<std::size_t>(
      47,
      static_cast<std::size_t>(std::ceil(std::log(static_cast<double>(tokens)) / std::log(step))));
}

}  // namespace

void History::learn(std::uint64_t body_bytes, const dialect::Usage& usage) {
  if (!usage.known) return;
  if (usage.input > 0 && body_bytes >= 64) {
    const double seen = static_cast<double>(usage.input) / static_cast<double>(body_bytes);
    tokens_per_byte_ += 0.1 * (std::clamp(seen, 0.02, 4.0) - tokens_per_byte_);
  }
  if (usage.output == 0) return;
  if (++answers_ >= forget_at) {
    for (float& count : outputs_) count /= 2;
    answers_ /= 2;
  }
  outputs_[slot_of(usage.output)] += 1;
}

std::uint64_t History::input_of(std::uint64_t body_bytes) const {
  return static_cast<std::uint64_t>(std::ceil(static_cast<double>(body_bytes) * tokens_per_byte_));
}

std::uint64_t History::output_p80(std::uint64_t otherwise) const {
  if (answers_ < 10) return otherwise;
  float sum = 0;
  for (std::size_t slot = 0; slot < outputs_.size(); ++slot) {
    sum += outputs_[slot];
    if (sum >= 0.8F * answers_) {
      return static_cast<std::uint64_t>(std::ceil(std::pow(step, static_cast<double>(slot))));
    }
  }
  return otherwise;
}

std::uint64_t text_bytes(std::string_view body) {
  std::uint64_t bytes = body.size();
  if (bytes < binary_min) return bytes;
  for (std::size_t at = 0; (at = body.find("base64", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(body.find('"', at), body.size());
    if (end - at >= binary_min) bytes -= end - at - image;
    at = end;
  }
  for (std::size_t at = 0; (at = body.find("\"data\"", at)) != std::string_view::npos; ++at) {
    JsonCursor cursor(body.substr(at + 6));
    if (!cursor.take(':')) continue;
    const std::size_t begin = cursor.at();
    if (cursor.peek() != '"' || !cursor.skip_string()) continue;
    const std::size_t size = cursor.since(begin).size();
    const bool data_url = cursor.since(begin).find("base64") != std::string_view::npos;
    if (size >= binary_min && !data_url) bytes -= size - image;
  }
  return bytes;
}

HistoryPtr Histories::of(const exchange::Exchange& exchange) {
  name_.assign(exchange.principal->tenant).append(1, '\0').append(exchange.public_model);
  if (known_.size() >= most) known_.clear();
  HistoryPtr& history = known_[name_];
  if (!history) history = std::make_shared<History>();
  return history;
}

}  // namespace hawser::stage::admit
