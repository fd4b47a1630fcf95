#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hawser::bench {

/// The events of a benchmark stream: 200 bytes each, numbered from 0, so that one that is lost,
/// doubled or out of order shows.
constexpr std::size_t event_size = 200;
constexpr std::size_t event_digits = 8;
constexpr std::string_view event_tail = "\"},\"finish_reason\":null}]}\n\n";
constexpr std::size_t event_number_at = event_size - event_tail.size() - event_digits;
constexpr std::string_view done_event = "data: [DONE]\n\n";

inline void put_number(char* digits, std::size_t number) {
  for (std::size_t i = event_digits; i-- > 0; number /= 10) {
    digits[i] = static_cast<char>('0' + number % 10);
  }
}

inline std::string event_text() {
  std::string text = "data: {\"id\":\"chatcmpl-";
  const std::string rest =
      "\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"bench-upstream\","
      "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"";
  text.append(event_number_at - text.size() - rest.size(), 'A');
  return text + rest + std::string(event_digits, '0') + std::string(event_tail);
}

}  // namespace hawser::bench
