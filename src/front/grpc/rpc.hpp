#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "front/grpc/message_decoder.hpp"
#include "front/grpc/status.hpp"
#include "net/reactor.hpp"

namespace hawser::front::grpc {

/// What a client asked: the head of a call.
struct CallHead {
  std::string path{};  // "/hawser.v1.Llm/Generate"
  std::vector<std::pair<std::string, std::string>> metadata{};
  std::vector<std::string> client_names{};           // of its client's certificate
  coding::Coding coding = coding::Coding::identity;  // of messages that say that they are packed
  Clock::time_point deadline = Clock::time_point::max();
};

/// One call of a client: messages in, messages out, a status at the end. Held by its connection
/// until its stream is over, and by the coroutines that serve it. Nothing of it grows unless
/// somebody reads it: what came counts against the client's windows until a message is taken, and
/// what is written waits for room.
/// Source: gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md).
class Rpc {
 public:
  struct Bounds {
    std::size_t message_max = 0;
    milliseconds write_timeout{60'000};       // a client that takes nothing for so long is gone
    net::ConnectionBudget* budget = nullptr;  // of its connection; outlives the call
    net::ConnectionBudget::Leases leases{};   // who pays for what it holds of it
  };
  Rpc(net::Reactor& reactor, CallHead asked, Bounds bounds)
      : head(std::move(asked)),
        reactor_(reactor),
        write_timeout_(bounds.write_timeout),
        decoder_({bounds.message_max, bounds.budget, bounds.leases, head.coding}),
        reading_(reactor) {}
  Rpc(const Rpc&) = delete;
  Rpc& operator=(const Rpc&) = delete;

  const CallHead head;

  // --- those who serve it
  struct Message {
    std::string bytes{};
    net::ConnectionBudget::Share
        held{};  // of its connection's budget, as long as the message is needed
  };
  /// Takes the next message: from then on the client may send more. Nothing at the end of them, or
  /// when the call is over; one that is no message ends it. One reads at a time.
  Task<std::optional<Message>> read();
  /// Sends a message, as soon as the client took enough of those before it. Any number may wait
  /// here at once; they have their turns. False: the call is over, or has its status.
  /// @param message  stays where it is until then
  Task<bool> write(std::string_view message);
  /// Gives it its status; the first one counts. What the client still sends is dropped.
  void end(Ending ending);
  /// "Name: value\r\n"... for the metadata at the head of the answer; null: none.
  std::unique_ptr<std::string> head_fields{};

  /// The client, its connection or its deadline ended it.
  enum class Over : std::uint8_t { no, cancelled, lost, late };
  Over over() const { return how_; }
  /// Told once when that happens.
  std::function<void(Over)> on_over{};

  // --- its connection
  void take_in(std::string_view bytes);
  void end_of_input();
  /// Tells the connection that so many bytes of what came were taken.
  std::function<void(std::size_t)> on_taken{};
  void finish(Over how);
  /// Tells the connection that there is something to send.
  std::function<void()> on_output{};
  /// Moves up to `size` bytes to `to`.
  std::size_t take_out(char* to, std::size_t size);
  bool drained() const { return out_at_ == out_.size(); }
  const std::optional<Ending>& ending() const { return ending_; }
  /// When the client last took something.
  Clock::time_point progressed() const { return progressed_; }

  static constexpr std::size_t room_max = 64 * 1024;

 private:
  bool has_room() const { return out_.size() - out_at_ < room_max; }
  bool closed() const { return over_ || ending_; }
  Task<bool> write_later(std::string_view message);
  Task<bool> wait_for_turn();
  void append(std::string_view message);
  void taken(std::size_t bytes);
  void wake_all();

  net::Reactor& reactor_;
  milliseconds write_timeout_;
  MessageDecoder decoder_;
  std::size_t ahead_ = 0;  // bytes of a message that is not whole, which count as taken
  bool input_over_ = false;
  net::Waiter reading_;
  std::deque<net::Waiter*> writing_{};  // wait for room, in their order
  std::string out_{};
  std::size_t out_at_ = 0;
  Clock::time_point progressed_{};
  std::optional<Ending> ending_{};
  bool over_ = false;
  Over how_ = Over::no;
};
using RpcPtr = std::shared_ptr<Rpc>;

}  // namespace hawser::front::grpc
