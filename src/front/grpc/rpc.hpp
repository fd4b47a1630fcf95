#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "front/grpc/status.hpp"
#include "net/reactor.hpp"

namespace hawser::front::grpc {

/// One call of a client: messages in, messages out, a status at the end. Held by its connection
/// until its stream is over, and by the coroutine that serves it.
/// Source: gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md).
class Rpc {
 public:
  explicit Rpc(net::Reactor& reactor) : waiter_(reactor) {}
  Rpc(const Rpc&) = delete;
  Rpc& operator=(const Rpc&) = delete;

  // --- what the client asked, set before it is served
  std::string path{};  // "/hawser.v1.Llm/Generate"
  std::vector<std::pair<std::string, std::string>> metadata{};
  std::vector<std::string> client_names{};  // of its client's certificate
  Clock::time_point deadline = Clock::time_point::max();

  // --- the one who serves it
  /// The next message; nothing at the end of them, or when the call is over.
  Task<std::optional<std::string>> read();
  /// Queues a message; the connection sends it with what else there is.
  void write(std::string_view message);
  /// Whether more may be queued now: a slow client is not written ahead for.
  bool has_room() const { return over_ || out_.size() - out_at_ < room_max; }
  /// Until there is room. False: the call is over.
  Task<bool> room();
  void end(Ending ending);
  /// "Name: value\r\n"... for the metadata at the head of the answer; null: none.
  std::unique_ptr<std::string> head_fields{};

  /// The client, its connection or its deadline ended it.
  enum class Over : std::uint8_t { no, cancelled, lost, late };
  Over over() const { return how_; }
  /// Told once when that happens.
  std::function<void(Over)> on_over{};

  // --- its connection
  /// False: what came is no sequence of messages within `message_max`.
  bool take_in(std::string_view bytes, std::size_t message_max);
  void end_of_input();
  void finish(Over how);
  /// Tells the connection that there is something to send.
  std::function<void()> on_output{};
  /// Moves up to `size` bytes to `to`.
  std::size_t take_out(char* to, std::size_t size);
  bool drained() const { return out_at_ == out_.size(); }
  const std::optional<Ending>& ending() const { return ending_; }

 private:
  static constexpr std::size_t room_max = 64 * 1024;
  void news() { waiter_.complete(net::IoStatus::ok); }

  net::Waiter waiter_;
  std::string in_{};
  std::deque<std::string> messages_{};
  bool input_over_ = false;
  std::string out_{};
  std::size_t out_at_ = 0;
  std::optional<Ending> ending_{};
  bool over_ = false;
  Over how_ = Over::no;
};
using RpcPtr = std::shared_ptr<Rpc>;

}  // namespace hawser::front::grpc
