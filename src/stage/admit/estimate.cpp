#include "stage/admit/estimate.hpp"

#include <algorithm>
#include <cmath>

#include "base/json.hpp"
#include "dialect/request_text.hpp"
#include "tokenizer/tokenizer.hpp"

namespace hawser::stage::admit {
namespace {

constexpr double step = 1.4;
constexpr float forget_at = 200;        // answers after which all count half
constexpr float forgotten = 0.01F;      // of one that counts so little
constexpr std::uint64_t image = 3'000;  // bytes of text that an image or sound is taken for
constexpr std::size_t binary_min = 4'096;

constexpr std::size_t read_max = 32 * 1024;
constexpr std::uint64_t a_message = 3;        // tokens around each
constexpr std::uint64_t an_attachment = 800;  // tokens: an image of common size

bool encoding_is_public(std::string_view model) {
  if (const auto slash = model.rfind('/'); slash != std::string_view::npos) {
    model.remove_prefix(slash + 1);
  }
  if (model.starts_with("ft:")) model.remove_prefix(3);
  for (const auto name : {"gpt-", "chatgpt-", "text-embedding-"}) {
    if (model.starts_with(name)) return true;
  }
  return model.size() >= 2 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9';
}

std::size_t slot_of(std::uint64_t tokens) {
  if (tokens < 2) return 0;
  return std::min<std::size_t>(
      47,
      static_cast<std::size_t>(std::ceil(std::log(static_cast<double>(tokens)) / std::log(step))));
}

/// Bytes of a JSON body that are text: images and audio in it, as data URLs or base64, are not.
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

}  // namespace

AskedText asked_text(std::string_view body, std::string_view model) {
  AskedText asked;
  if (body.size() > read_max) {
    asked.bytes = text_bytes(body);
    return asked;
  }
  asked.bytes = body.size();
  const bool exact = encoding_is_public(model);
  const tokenizer::Tokenizer tokens(tokenizer::encoding_for(model));
  const auto found = dialect::for_each_text(body, [&](std::string_view text) {
    if (exact) {
      asked.exact += tokens.count(text);
    } else {
      const auto bytes = tokenizer::script_bytes(text);
      for (std::size_t i = 0; i < bytes.size(); ++i) asked.scripts[i] += bytes[i];
    }
  });
  asked.beside = found.messages * a_message + found.attachments * an_attachment + a_message;
  if (exact) asked.exact = std::max<std::uint64_t>(asked.exact, 1);
  return asked;
}

void History::learn(const AskedText& asked, const dialect::Usage& usage) {
  if (!usage.known) return;
  if (usage.input > 0 && asked.bytes >= 64) {
    const double seen = static_cast<double>(usage.input) / static_cast<double>(asked.bytes);
    tokens_per_byte_ += 0.1 * (std::clamp(seen, 0.02, 4.0) - tokens_per_byte_);
    if (asked.exact == 0 && asked.bytes <= read_max && usage.input > asked.beside) {
      ratios_.learn(usage.input - asked.beside, asked.scripts);
    }
  }
  if (usage.output == 0) return;
  if (++answers_ >= forget_at) {
    for (float& count : outputs_) count /= 2;
    answers_ /= 2;
  }
  outputs_[slot_of(usage.output)] += 1;
}

std::uint64_t History::input_of(const AskedText& asked) const {
  if (asked.exact > 0) return asked.exact + asked.beside;
  if (asked.bytes <= read_max) return ratios_.estimate(asked.scripts) + asked.beside;
  return static_cast<std::uint64_t>(std::ceil(static_cast<double>(asked.bytes) * tokens_per_byte_));
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

std::uint64_t History::output_most() const {
  for (std::size_t slot = outputs_.size(); slot-- > 0;) {
    if (outputs_[slot] < forgotten) continue;
    return static_cast<std::uint64_t>(std::ceil(std::pow(step, static_cast<double>(slot))));
  }
  return 0;
}

HistoryPtr Histories::of(const exchange::Exchange& exchange) {
  name_.assign(exchange.principal->tenant).append(1, '\0').append(exchange.public_model);
  if (known_.size() >= most) known_.clear();
  HistoryPtr& history = known_[name_];
  if (!history) history = std::make_shared<History>(exchange.public_model);
  return history;
}

}  // namespace hawser::stage::admit
