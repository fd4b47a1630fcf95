#pragma once

#include <deque>
#include <map>
#include <memory>
#include <thread>

#include "base/keepalive.hpp"
#include "base/reconnect_backoff.hpp"
#include "calls.hpp"
#include "credential.hpp"
#include "transport.hpp"
#include "wire/websocket.hpp"

namespace hawser::sdk {

/// Told from one thread, waited for by another beside other descriptors.
class Signal {
 public:
  Signal();
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  void raise() const;
  void clear() const;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// Calls over one WebSocket to a Hawser gateway (`hawser.v1+json`). The connection is made with the
/// first call, kept warm, and made anew when it breaks while calls wait: what runs goes on behind
/// its last event. Where WebSockets are blocked, calls go over `otherwise` for a while.
class TunnelCalls final : public Calls {
 public:
  TunnelCalls(const ClientOptions& options, const Url& url, const Dial& dial,
              Credential& credential, Chance& chance, Calls& otherwise);
  ~TunnelCalls() override;

  Outcome<CallInfo> run(const Request& request, const Sink& sink,
                        const CancelToken* cancel) override;

 private:
  /// One call under way, as its thread and the connection's share it.
  struct Call {
    std::string id{};
    std::string frame{};       // its req, to be sent again where nothing of its answer came
    std::string body{};        // sent in parts where it is long
    std::string generation{};  // once known
    std::deque<std::string> inbox{};
    std::optional<ApiError> failed{};  // why it ends without a word of the gateway
    long long last = -1;               // q of the last event that was taken in
    bool asked = false;                // on this connection
    bool headed = false;
    bool ended = false;
    std::size_t owed = 0;  // credit that was used up and not given again
    int resumes = 0;
    Clock::time_point since = Clock::now();
    Signal news{};  // something came, or it failed
  };
  using CallPtr = std::shared_ptr<Call>;
  enum class Link : std::uint8_t { down, up, blocked };
  /// How an attempt to connect, or a connection, ended.
  enum class Ended : std::uint8_t {
    open,         // it did not: the handshake is done
    broken,       // the path
    unavailable,  // somebody is there, but no gateway for now
    declined,     // who is there does not speak WebSocket with us
    blocked,      // and never will
    refused,      // the key is not known there
    replaced,     // the gateway asked for another connection
    stopped,      // the client ends
  };
  struct End {
    Ended how = Ended::broken;
    std::string reason{};
  };

  // On the connection's own thread: tunnel_link.cpp.
  void keep_connected();
  bool wait_for_calls();
  void connection_lost(const End& end);
  void count_declined(const End& end);
  void report(const ConnectionEvent& event) const;
  End connect_and_speak(std::unique_ptr<Connection>& old);
  End shake_hands(Connection& connection, Clock::time_point deadline, std::string& in);
  End judge(const wire::ResponseHead& answer, std::string_view accept);
  void greet();
  End speak(std::string bytes, std::unique_ptr<Connection>& old);
  Clock::time_point due() const;
  std::optional<End> stay_alive(Clock::time_point now);
  bool write_out(Clock::time_point now);
  std::optional<End> take_frames(std::string_view bytes);
  std::optional<End> take_frame(std::string_view frame);
  void welcome(std::string_view frame);
  void take_answer(std::string_view type, std::string_view frame);
  void wait(std::chrono::milliseconds time);

  // Under the lock.
  bool calls_open() const;
  void say(std::string_view frame);
  void ask_waiting();
  void ask(Call& call);
  void give_credit(std::size_t& owed, const Call* call);
  static void fail(Call& call, ErrorType type, int status, std::string message);

  std::string frame_of(const Request& request, const std::string& id) const;
  Outcome<CallInfo> deliver(const CallPtr& call, const Request& request, const Sink& sink,
                            const CancelToken* cancel);
  bool goes_otherwise(const Call& call);

  // Bytes of answers that wait for their callers: beyond the first the connection gets no more
  // credit, beyond the second it is given up.
  static constexpr std::size_t held_enough = 16 * 1024 * 1024, held_max = 256 * 1024 * 1024;
  static constexpr std::size_t credit_step = 64 * 1024;  // credit is given so much at once

  const ClientOptions& options_;
  Connector connector_;
  Credential& credential_;
  Chance& chance_;
  Calls& otherwise_;
  CancelToken stop_;  // the client ends

  std::mutex mutex_;  // of everything down to the empty line
  std::map<std::uint64_t, CallPtr> calls_;
  Link link_ = Link::down;
  Clock::time_point blocked_until_{};
  std::string out_{};            // frames to be written
  std::size_t held_ = 0;         // bytes in all inboxes
  std::size_t owed_ = 0;         // of the connection's credit
  std::size_t streams_max_ = 0;  // that the gateway takes on this connection
  std::uint64_t next_id_ = 0;

  // The connection's thread alone.
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<wire::WsDecoder> decoder_;
  std::string outgoing_{};  // what the socket did not take yet, from outgoing_at_ on
  std::size_t outgoing_at_ = 0;
  ReconnectBackoff backoff_;
  Keepalive keepalive_;                      // while calls are open
  std::chrono::milliseconds peer_every_{0};  // the gateway promised to be heard from so often
  Clock::time_point heard_{};
  Clock::time_point pinged_{};
  Clock::time_point welcome_by_{};
  Clock::time_point lost_at_ = Clock::now();  // when calls could go over a connection last
  Clock::time_point declined_since_{};
  int declined_ = 0;  // handshakes in a row
  bool welcomed_ = false;

  Signal wake_;  // of the connection's thread
  std::thread thread_;
};

}  // namespace hawser::sdk
