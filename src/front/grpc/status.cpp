#include "front/grpc/status.hpp"

#include <algorithm>
#include <charconv>

#include "base/json.hpp"

namespace hawser::front::grpc {
namespace {

Status status_of(Code code) {
  switch (code) {
    case Code::connection:
    case Code::overloaded:
    case Code::upstream:
      return Status::unavailable;
    case Code::timeout:
      return Status::deadline_exceeded;
    case Code::rate_limit:
      return Status::resource_exhausted;
    case Code::authentication:
      return Status::unauthenticated;
    case Code::permission:
      return Status::permission_denied;
    case Code::invalid_request:
    case Code::filtered:
    case Code::too_large:
      return Status::invalid_argument;
    case Code::not_found:
      return Status::not_found;
    case Code::residency:
      return Status::failed_precondition;
    case Code::cancelled:
      return Status::cancelled;
    case Code::internal:
      return Status::internal;
  }
  return Status::internal;
}

Status status_of_http(int status) {
  switch (status) {
    case 401:
      return Status::unauthenticated;
    case 403:
      return Status::permission_denied;
    case 404:
    case 410:
      return Status::not_found;
    case 408:
    case 504:
      return Status::deadline_exceeded;
    case 429:
      return Status::resource_exhausted;
    case 451:
      return Status::failed_precondition;
    case 499:
      return Status::cancelled;
    default:
      return status >= 500 ? Status::unavailable : Status::invalid_argument;
  }
}

// The few fields of google.rpc.Status and RetryInfo, by hand: two length-delimited ones.
void add_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
}
void add_number(std::string& out, int field, std::uint64_t value) {
  add_varint(out, static_cast<std::uint64_t>(field) << 3);
  add_varint(out, value);
}
void add_bytes(std::string& out, int field, std::string_view bytes) {
  add_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  add_varint(out, bytes.size());
  out.append(bytes);
}

std::string retry_details(Status status, std::string_view message, std::chrono::milliseconds wait) {
  std::string duration;
  add_number(duration, 1, static_cast<std::uint64_t>(wait.count() / 1000));
  add_number(duration, 2, static_cast<std::uint64_t>(wait.count() % 1000 * 1'000'000));
  std::string info;
  add_bytes(info, 1, duration);
  std::string any;
  add_bytes(any, 1, "type.googleapis.com/google.rpc.RetryInfo");
  add_bytes(any, 2, info);
  std::string details;
  add_number(details, 1, static_cast<std::uint64_t>(status));
  add_bytes(details, 2, message);
  add_bytes(details, 3, any);
  return details;
}

}  // namespace

Ending ending_of(const Error& error) {
  Ending ending{.status = error.status != 0 ? status_of_http(error.status) : status_of(error.code),
                .message = error.message};
  if (error.retry_after) {
    ending.details = retry_details(ending.status, ending.message, *error.retry_after);
  }
  return ending;
}

Ending ending_of(int http_status, std::string_view body, std::string_view retry_after) {
  Ending ending{.status = status_of_http(http_status)};
  ending.message = json_text(json_member(body, "error"), "message")
                       .value_or("HTTP status " + std::to_string(http_status));
  std::uint64_t seconds = 0;
  const auto [end, error] =
      std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  if (!retry_after.empty() && error == std::errc{} && seconds < 86'400) {
    ending.details = retry_details(ending.status, ending.message, std::chrono::seconds(seconds));
  }
  return ending;
}

std::string encode_message(std::string_view message) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : message.substr(0, 1024)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '%') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

std::int64_t parse_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return -1;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size() - 1, count);
  if (error != std::errc{} || end != text.data() + text.size() - 1 || count < 0) return -1;
  switch (text.back()) {
    case 'H':
      return count * 3'600'000;
    case 'M':
      return count * 60'000;
    case 'S':
      return count * 1000;
    case 'm':
      return std::max<std::int64_t>(count, 1);
    case 'u':
      return std::max<std::int64_t>(count / 1000, 1);
    case 'n':
      return std::max<std::int64_t>(count / 1'000'000, 1);
    default:
      return -1;
  }
}

}  // namespace hawser::front::grpc
