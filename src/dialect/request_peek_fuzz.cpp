// Property: on every text that a full JSON parser accepts as an object with one model, the peek
// finds the same model, and where it says that the token stands.
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <cstdlib>

#include "dialect/request_peek.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  hawser::dialect::RequestFacts facts;
  const bool peeked = hawser::dialect::peek_request(bytes, facts).has_value();
  boost::system::error_code error;
  const auto parsed = boost::json::parse(bytes, error);
  if (error || !parsed.is_object() || !peeked) return 0;
  const auto* model = parsed.get_object().if_contains("model");
  const bool has_model = model != nullptr && model->is_string();
  if (has_model != facts.has_model) std::abort();
  if (!has_model) return 0;
  if (std::string_view(model->get_string()) != facts.model) std::abort();
  const auto token = boost::json::parse(bytes.substr(facts.model_at, facts.model_size), error);
  if (error || token != *model) std::abort();
  return 0;
}
