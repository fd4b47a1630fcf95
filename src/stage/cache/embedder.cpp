#include "stage/cache/embedder.hpp"

#include <boost/json/parse.hpp>
#include <cmath>

#include "base/json.hpp"

namespace hawser::stage::cache {
namespace json = boost::json;
namespace {

constexpr std::size_t dimensions_max = 8192;

Error not_an_embedding() {
  return {.code = Code::upstream, .message = "the embedding model's answer is not of its form"};
}

const json::array* numbers_of(const json::value& answer) {
  const json::value* data = answer.is_object() ? answer.get_object().if_contains("data") : nullptr;
  if (data == nullptr || !data->is_array() || data->get_array().empty()) return nullptr;
  const json::value& first = data->get_array().front();
  const json::value* numbers =
      first.is_object() ? first.get_object().if_contains("embedding") : nullptr;
  return numbers != nullptr && numbers->is_array() ? &numbers->get_array() : nullptr;
}

}  // namespace

Result<Vector> parse_embedding(std::string_view body) {
  boost::system::error_code error;
  const json::value answer = json::parse(body, error);
  const json::array* numbers = error ? nullptr : numbers_of(answer);
  if (numbers == nullptr || numbers->empty() || numbers->size() > dimensions_max) {
    return not_an_embedding();
  }
  Vector vector;
  vector.reserve(numbers->size());
  double square = 0;
  for (const auto& number : *numbers) {
    if (!number.is_number()) return not_an_embedding();
    const auto value = number.to_number<double>();
    square += value * value;
    vector.push_back(static_cast<float>(value));
  }
  const double length = std::sqrt(square);
  if (!std::isfinite(length) || length == 0) return not_an_embedding();
  for (float& value : vector) value = static_cast<float>(value / length);
  return vector;
}

Task<Result<Vector>> Embedder::embed(std::string text) {
  const auto begun = Clock::now();
  if (!breaker_.may_ask(begun)) {
    co_return Error{.code = Code::overloaded, .message = "the embedding model is left alone"};
  }
  std::string body = "{\"model\":";
  append_json_string(body, model_);
  body += ",\"input\":";
  append_json_string(body, text);
  body += "}";
  net::Cancellation never;
  http::Ask what;
  what.path = endpoint_->path();
  what.body = body;
  const auto said = co_await http::ask(*endpoint_, *pool_, what, begun + timeout_, never);
  Result<Vector> vector = not_an_embedding();
  if (!said) vector = said.error();
  if (said && said->status == 200) vector = parse_embedding(said->body);
  if (vector) {
    breaker_.succeeded();
  } else {
    breaker_.failed(Clock::now());
  }
  co_return std::move(vector);
}

}  // namespace hawser::stage::cache
