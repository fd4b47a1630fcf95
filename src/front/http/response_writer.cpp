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
    at_ += text.copy(at_, text.size());
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

  status_ = begin.head.status;
  announced_ = begin.announced;
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

/// The parts of one write. @return how many
std::size_t ResponseWriter::lay_out(std::string_view bytes, bool last, Made& made,
                                    Parts& parts) const {
  std::size_t count = 0;
  if (status_ != 0) {
    Text first(made.first.data());
    first.add(first_bytes).add(static_cast<std::uint64_t>(status_)).add(" ");
    first.add(reason_of(status_)).add("\r\n");
    parts[count++] = {made.first.data() + announced_, first.size() - announced_};
    parts[count++] = fields_;
  }
  const bool chunk = chunked_ && !bytes.empty();
  if (chunk) {
    parts[count++] = {made.chunk.data(), wire::write_chunk_head(made.chunk.data(), bytes.size())};
  }
  parts[count++] = bytes;
  if (chunk && last)
    parts[count++] = "\r\n0\r\n\r\n";
  else if (chunk)
    parts[count++] = "\r\n";
  else if (chunked_ && last)
    parts[count++] = "0\r\n\r\n";
  return count;
}

bool ResponseWriter::probe(bool between_events) {
  if (status_ != 0) {
    const std::string_view rest = first_bytes.substr(announced_);
    const net::IoResult sent = stream_.try_write({&rest, 1});
    if (sent.status == net::IoStatus::ok) announced_ += sent.bytes;
    return true;
  }
  if (!between_events) return true;
  const std::string_view comment = chunked_ ? "2\r\n:\n\r\n" : ":\n";
  const net::IoResult sent = stream_.try_write({&comment, 1});
  return sent.status != net::IoStatus::ok || sent.bytes == 0 || sent.bytes == comment.size();
}

Task<bool> ResponseWriter::write(std::string_view bytes, bool last) {
  if (bodiless_) bytes = {};
  Made made;
  Parts parts;
  const std::span<const std::string_view> all(parts.data(), lay_out(bytes, last, made, parts));
  bytes_ += bytes.size();
  const net::IoResult sent = stream_.try_write(all);
  if (!stream_.took_all(all, sent)) return finish(bytes, last, sent);
  status_ = 0;
  return true;
}

/// Writes what is left of it; what was made for it is made again, where it outlives the wait.
Task<bool> ResponseWriter::finish(std::string_view bytes, bool last, net::IoResult sent) {
  lagged_ = true;
  Made made;
  Parts parts;
  const std::span<const std::string_view> all(parts.data(), lay_out(bytes, last, made, parts));
  status_ = 0;
  const net::IoStatus status = co_await stream_.send_rest(all, sent, Clock::now() + timeout_);
  co_return status == net::IoStatus::ok;
}

}  // namespace hawser::front::http
