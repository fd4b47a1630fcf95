#include "http/http2_stream.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace hawser::http {

using net::IoStatus;
using net::Piece;

namespace {

constexpr std::size_t small_max = 16 * 1024;  // of a body that is copied
constexpr std::size_t head_max = 128 * 1024;  // as of HTTP/1.1

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Http2Stream::Http2Stream(std::shared_ptr<Http2Connection> connection, bool first)
    : connection_(std::move(connection)), waiter_(connection_->reactor()), first_(first) {}

Http2Stream::~Http2Stream() {
  connection_->forget(*this);
}

// --- request

Task<IoStatus> Http2Stream::send(std::span<const std::string_view> parts, bool last,
                                 Clock::time_point deadline) {
  const auto body = parts.subspan(1);
  std::size_t size = 0;
  for (const auto part : body) size += part.size();
  const bool small = last && size <= small_max;
  abandon_rest();
  if (small) {
    for (const auto part : body) small_.append(part);
    if (size > 0) pending_[pending_count_++] = small_;
  } else {
    for (const auto part : body) {
      if (!part.empty()) pending_[pending_count_++] = part;
    }
  }
  last_ = last;
  if (id_ != 0) {
    connection_->resume(*this);
  } else if (over_ || !connection_->submit(*this, parts[0], size > 0 || !last)) {
    over_ = refused_ = true;
    return IoStatus::failed;
  }
  if (small || sent_all()) return IoStatus::ok;
  return wait_until_sent(deadline);
}

Task<IoStatus> Http2Stream::wait_until_sent(Clock::time_point deadline) {
  IoStatus waited = IoStatus::ok;
  while (!sent_all() && !over_ && waited == IoStatus::ok) {
    if (refuses_rest()) break;
    waited = co_await waiter_.wait(deadline);
  }
  const bool done = sent_all() || has_input();
  abandon_rest();  // its bytes are the caller's
  if (done || waited == IoStatus::ok) co_return done ? IoStatus::ok : IoStatus::failed;
  co_return waited;
}

std::size_t Http2Stream::take_out(char* to, std::size_t size) {
  std::size_t taken = 0;
  while (taken < size && pending_at_ < pending_count_) {
    std::string_view& part = pending_[pending_at_];
    const std::size_t more = part.copy(to + taken, size - taken);
    taken += more;
    part.remove_prefix(more);
    if (part.empty()) ++pending_at_;
  }
  if (sent_all() && !small_.empty()) std::string().swap(small_);
  return taken;
}

bool Http2Stream::unread(std::size_t) const {
  if (refused_) return true;
  return over_ && status_ == 0 && connection_->nothing_read_behind(sent_behind_);
}

std::string Http2Stream::alert() const {
  return connection_->alert_;
}

// --- answer

bool Http2Stream::add_field(std::string_view name, std::string_view value) {
  if (head_whole_) return true;  // trailers are checked and dropped
  if (fields_.size() + name.size() + value.size() > head_max) return false;
  if (name == ":status") {
    status_ = static_cast<int>(number_of(value));
  } else {
    fields_.append(name).append(": ").append(value).append("\r\n");
  }
  return true;
}

void Http2Stream::head_ended() {
  if (status_ >= 200) {
    head_whole_ = true;
  } else {
    fields_.clear();
    status_ = 0;
  }
}

void Http2Stream::closed(std::uint32_t code) {
  over_ = true;
  if (code == NGHTTP2_REFUSED_STREAM && status_ == 0) refused_ = true;
  if (!ended_ && !reset_by_peer_ && !refused_) malformed_ = true;  // nghttp2 gave it up
}

void Http2Stream::lost(bool nonsense) {
  over_ = true;
  if (nonsense && !ended_) malformed_ = true;
}

/// What is in fields_, as views, to the pool.
void Http2Stream::read_fields(std::string_view method) {
  wire::ResponseHead& head = pool().head_;
  head = {.status = status_, .fields = std::move(head.fields)};
  head.fields.clear();
  bool sized = false;
  for (std::string_view rest = fields_; !rest.empty();) {
    const std::size_t end = rest.find("\r\n");
    const std::size_t colon = rest.find(": ");
    const wire::Field field{rest.substr(0, colon), rest.substr(colon + 2, end - colon - 2)};
    rest.remove_prefix(end + 2);
    head.fields.push_back(field);
    if (field.name != "content-length") continue;
    sized = true;
    head.content_length = number_of(field.value);
  }
  const bool bodiless = method == "HEAD" || status_ == 204 || status_ == 304;
  head.framing = wire::Framing::chunked;  // its length is not known
  if (ended_ && in_.empty() && !sized) sized = true;
  if (sized) head.framing = wire::Framing::length;
  if (bodiless) head.framing = wire::Framing::none;
}

Task<UpstreamConnection::HeadRead> Http2Stream::read_head(std::string_view method,
                                                          Clock::time_point deadline) {
  while (!head_whole_) {
    if (over_) {
      const bool failed = malformed_ || !connection_->alert_.empty();
      co_return HeadRead{failed ? IoStatus::failed : IoStatus::closed, malformed_, status_ != 0};
    }
    const IoStatus waited = co_await waiter_.wait(deadline);
    if (waited != IoStatus::ok) co_return HeadRead{waited, false, status_ != 0};
  }
  read_fields(method);
  co_return HeadRead{IoStatus::ok, false, true};
}

Result<Piece> Http2Stream::next_now() {
  if (!lent_.empty()) connection_->consumed(*this, lent_.size());
  lent_.clear();
  if (!in_.empty()) {
    lent_.swap(in_);
    return Piece{.bytes = lent_, .last = ended_};
  }
  if (ended_) return Piece{.bytes = lent_, .last = true};
  if (malformed_) {
    return Error{.code = Code::invalid_request, .message = "the frames of a body are malformed"};
  }
  if (over_) return BodyReader::error_of(IoStatus::closed);
  return Piece{};
}

net::Waiter::Wait Http2Stream::wait(Clock::time_point deadline) {
  std::string().swap(in_);  // silence holds no memory
  std::string().swap(lent_);
  return waiter_.wait(deadline);
}

}  // namespace hawser::http
