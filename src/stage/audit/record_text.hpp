#pragma once

#include <string>

#include "exchange/exchange.hpp"

namespace hawser::stage::audit {

/// The notes of one exchange, on their way into the log.
struct Facts {
  const exchange::Exchange& exchange;
  std::uint64_t configuration = 0;
  std::string_view content_hash{};  // hexadecimal; empty: none
  std::optional<Code> refusal{};    // that is about to be told, before the exchange is over
};

/// A record up to what was tried: `"time_us":...,"type":TYPE,...`, without its end.
/// @param type  decision or exchange
void append_exchange(const Facts& facts, std::string_view type, std::string& out);
/// What was tried and used.
void append_notes(const exchange::Notes& notes, std::string& out);
/// `"time_us":...,"type":TYPE`
void begin_record(std::string_view type, std::string& out);

}  // namespace hawser::stage::audit
