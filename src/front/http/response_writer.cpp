#include "front/http/response_writer.hpp"

#include <array>
#include <charconv>

#include "wire/http1.hpp"

namespace hawser::front::http {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

void ResponseWriter::begin(const Begin& begin) {
  bodiless_ = begin.head.bodiless || begin.head_only;
  const bool delimited = begin.head.length.has_value();
  chunked_ = !bodiless_ && !delimited && begin.minor_version > 0;
  keep_alive_ = begin.keep_alive && (bodiless_ || delimited || chunked_);

  head_.reserve(256 + begin.head.fields.size() + begin.own_fields.size());
  head_.assign("HTTP/1.1 ");
  append_number(head_, static_cast<std::uint64_t>(begin.head.status));
  head_.append(" ").append(reason_of(begin.head.status)).append("\r\n");
  head_.append(begin.head.fields).append(begin.own_fields);
  if (delimited && begin.head.status != 204) {
    head_.append("Content-Length: ");
    append_number(head_, *begin.head.length);
    head_.append("\r\n");
  }
  if (chunked_) head_.append("Transfer-Encoding: chunked\r\n");
  if (!keep_alive_)
    head_.append("Connection: close\r\n");
  else if (begin.minor_version == 0)
    head_.append("Connection: keep-alive\r\n");
  head_.append("\r\n");
}

asio::awaitable<bool> ResponseWriter::write(std::string_view bytes, bool last) {
  char size[18];
  if (bodiless_) bytes = {};
  std::array<std::string_view, 5> parts{head_, {}, bytes, {}, {}};
  if (chunked_ && !bytes.empty()) {
    parts[1] = {size, wire::write_chunk_head(size, bytes.size())};
    parts[3] = "\r\n";
  }
  if (chunked_ && last) parts[4] = "0\r\n\r\n";
  const std::span<const std::string_view> all(parts);
  const net::IoStatus status = co_await stream_.send(all, Clock::now() + timeout_);
  bytes_ += bytes.size();
  head_.clear();
  if (!last) head_.shrink_to_fit();  // an open stream keeps no buffer
  co_return status == net::IoStatus::ok;
}

}  // namespace hawser::front::http
