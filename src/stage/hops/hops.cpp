#include "stage/hops/hops.hpp"

namespace hawser::stage::hops {
namespace {

constexpr std::string_view blanks = " \t";

/// What is before the first of `ends`; `text` loses both.
std::string_view take_until(std::string_view& text, std::string_view ends) {
  const auto end = text.find_first_of(ends);
  const auto taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && blanks.find(text.front()) != std::string_view::npos) {
    text.remove_prefix(1);
  }
  return text;
}

}  // namespace

bool passed(const wire::RequestHead& head, std::string_view pseudonym) {
  for (const auto& field : head.fields) {
    if (!wire::same_token(field.name, "via")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      std::string_view hop = trimmed(take_until(rest, ","));
      take_until(hop, blanks);  // the protocol
      hop = trimmed(hop);
      if (wire::same_token(take_until(hop, blanks), pseudonym)) return true;
    }
  }
  return false;
}

Task<exchange::Answer> Hops::run(exchange::Exchange& exchange, exchange::Next next) {
  if (!passed(*exchange.request.head, pseudonym_)) return next(exchange);
  return exchange::Answer(Error{.code = Code::invalid_request,
                                .message = "The request came back to this gateway: gateways must "
                                           "not be each other's providers in a circle.",
                                .status = 508,
                                .client_may_retry = false});
}

}  // namespace hawser::stage::hops
