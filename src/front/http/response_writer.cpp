#include "front/http/response_writer.hpp"

#include <charconv>
#include <cstring>
#include <utility>

#include "net/tls_server.hpp"
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

/// Writes text into a fixed array; what is written here is bounded by construction.
class Text {
 public:
  explicit Text(char* out) : begin_(out), at_(out) {}
  Text& add(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Text& add(std::uint64_t number) {
    at_ = std::to_chars(at_, at_ + 24, number).ptr;
    return *this;
  }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

}  // namespace

void ResponseWriter::begin(const Begin& begin) {
  bodiless_ = begin.head.bodiless || begin.head_only;
  const bool delimited = begin.head.length.has_value();
  chunked_ = !bodiless_ && !delimited && begin.minor_version > 0;
  keep_alive_ = begin.keep_alive && (bodiless_ || delimited || chunked_);

  Text first(first_.data());
  first.add("HTTP/1.1 ").add(static_cast<std::uint64_t>(begin.head.status)).add(" ");
  first_size_ = first.add(reason_of(begin.head.status)).add("\r\n").size();
  if (stream_.secured()) begin.head.fields.append(net::hsts_field(stream_.ssl()));
  // What frames the content goes behind the other fields, which have room for it.
  char framing[96];
  Text last(framing);
  if (delimited && begin.head.status != 204) {
    last.add("Content-Length: ").add(*begin.head.length).add("\r\n");
  }
  if (chunked_) last.add("Transfer-Encoding: chunked\r\n");
  if (!keep_alive_)
    last.add("Connection: close\r\n");
  else if (begin.minor_version == 0)
    last.add("Connection: keep-alive\r\n");
  begin.head.fields.append(framing, last.add("\r\n").size());
  fields_ = begin.head.fields;
}

Task<bool> ResponseWriter::write(std::string_view bytes, bool last) {
  if (bodiless_) bytes = {};
  std::array<std::string_view, parts_max> parts;
  std::size_t count = 0;
  if (first_size_ > 0) {
    parts[count++] = {first_.data(), std::exchange(first_size_, 0)};
    parts[count++] = fields_;
  }
  const bool chunk = chunked_ && !bytes.empty();
  if (chunk) {
    parts[count++] = {chunk_.data(), wire::write_chunk_head(chunk_.data(), bytes.size())};
  }
  parts[count++] = bytes;
  if (chunk && last)
    parts[count++] = "\r\n0\r\n\r\n";
  else if (chunk)
    parts[count++] = "\r\n";
  else if (chunked_ && last)
    parts[count++] = "0\r\n\r\n";
  bytes_ += bytes.size();
  const std::span<const std::string_view> all(parts.data(), count);
  const net::IoResult sent = stream_.try_write(all);
  if (stream_.took_all(all, sent)) return true;
  return finish(parts, count, sent);
}

Task<bool> ResponseWriter::finish(std::array<std::string_view, parts_max> parts, std::size_t count,
                                  net::IoResult sent) {
  lagged_ = true;
  const std::span<const std::string_view> all(parts.data(), count);
  const net::IoStatus status = co_await stream_.send_rest(all, sent, Clock::now() + timeout_);
  co_return status == net::IoStatus::ok;
}

}  // namespace hawser::front::http
