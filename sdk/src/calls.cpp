#include "calls.hpp"

#include <poll.h>

#include <algorithm>

#include "base/json.hpp"
#include "wire/http1.hpp"

namespace hawser::sdk {

ApiError make_error(ErrorType type, std::string message) {
  ApiError error;
  error.type = type;
  error.message = std::move(message);
  return error;
}

ApiError cancelled_error() {
  return make_error(ErrorType::cancelled, "cancelled");
}

void read_error(std::string_view body, ApiError& error) {
  const std::string_view inner = json_member(body, "error");
  if (inner.starts_with('{')) {
    error.message = json_text(inner, "message").value_or("");
    error.code = json_text(inner, "code").value_or("");
    if (error.code == "content_filter") error.type = ErrorType::filtered;
    for (const auto type :
         {ErrorType::connection, ErrorType::timeout, ErrorType::upstream, ErrorType::overloaded}) {
      if (error.code == to_string(type)) error.type = type;
    }
  } else {
    decode_json_string(inner, error.message);
  }
  if (error.message.empty()) error.message = "HTTP status " + std::to_string(error.status);
}

std::string_view find_header(const Headers& headers, std::string_view name) {
  for (const auto& [field, value] : headers) {
    if (wire::same_token(field, name)) return value;
  }
  return {};
}

double Chance::next() {
  const std::lock_guard lock(mutex_);
  return std::uniform_real_distribution<double>(0, 1)(random_);
}

std::string Chance::hex(std::size_t digits) {
  const std::lock_guard lock(mutex_);
  std::string out;
  while (out.size() < digits) out.push_back("0123456789abcdef"[random_() & 15]);
  return out;
}

bool pause(std::chrono::milliseconds wait, const CancelToken* cancel) {
  pollfd entry{cancel == nullptr ? -1 : cancel->descriptor(), POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(wait.count())) == 0;
}

}  // namespace hawser::sdk
