#include "stage/hops/hops.hpp"

#include <algorithm>

#include "base/process_mark.hpp"

namespace hawser::stage::hops {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::size_t hops_size_max = 1024;

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

bool came_back(const wire::RequestHead& head) {
  std::size_t hops = 0;
  for (const auto& field : head.fields) {
    if (!wire::same_token(field.name, hop_field)) continue;
    if (wire::list_has(field.value, process_mark()) || field.value.size() > hops_size_max) {
      return true;
    }
    hops += 1 + static_cast<std::size_t>(std::count(field.value.begin(), field.value.end(), ','));
  }
  return hops >= hops_max;
}

Task<exchange::Answer> Hops::run(exchange::Exchange& exchange, exchange::Next next) {
  const auto& head = *exchange.request.head;
  const bool circle = came_back(head) || (!pseudonym_.empty() && passed(head, pseudonym_));
  if (!circle) return next(exchange);
  return exchange::Answer(Error{.code = Code::invalid_request,
                                .message = "The request came back to this gateway: gateways must "
                                           "not be each other's providers in a circle.",
                                .status = 508,
                                .client_may_retry = false});
}

}  // namespace hawser::stage::hops
