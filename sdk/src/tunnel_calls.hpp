#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <thread>

#include "calls.hpp"
#include "credential.hpp"
#include "transport.hpp"
#include "wire/websocket.hpp"

namespace hawser::sdk {

/// Calls over one WebSocket to a Hawser gateway (`hawser.v1+json`). The connection is made with the
/// first call, kept warm, and made anew when it breaks: what runs goes on behind its last event.
/// Where WebSockets are blocked, calls go over `otherwise` for a while.
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
    long long last = -1;  // q of the last event that was taken in
    bool headed = false;
    bool ended = false;
    std::size_t owed = 0;  // credit that was used up and not given again
    int resumes = 0;
  };
  using CallPtr = std::shared_ptr<Call>;
  enum class Link : std::uint8_t { down, up, blocked };

  // On the connection's own thread.
  void keep_connected();
  bool wait_for_calls();
  bool connection_lost(int unreached);
  bool connect_once();
  bool shake_hands(Connection& connection, Clock::time_point deadline);
  bool speak();
  bool take_frames(std::string& bytes);
  void take_frame(std::string_view frame);
  void greet();
  void wait(std::chrono::milliseconds time);
  bool flush();
  void send_keepalive(Clock::time_point now);

  // Under the lock.
  void say(std::string_view frame);
  void ask(Call& call);
  void give_credit(Call& call, std::size_t bytes);
  void wake();
  void fail(Call& call, std::string_view code, std::string_view message);
  void fail_all(std::string_view code, std::string_view message);

  std::string frame_of(const Request& request, const std::string& id) const;
  Outcome<CallInfo> deliver(Call& call, const Request& request, const Sink& sink,
                            const CancelToken* cancel);

  const ClientOptions& options_;
  Connector connector_;
  Credential& credential_;
  Chance& chance_;
  Calls& otherwise_;

  std::mutex mutex_;  // of everything below
  std::condition_variable news_;
  std::map<std::string, CallPtr> calls_;
  Link link_ = Link::down;
  Clock::time_point blocked_until_{};
  std::string out_{};  // frames to be written
  bool stopping_ = false;
  bool refused_ = false;  // the server knows no such key
  std::string refusal_{};
  std::uint64_t next_id_ = 0;

  // The connection's thread alone.
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<wire::WsDecoder> decoder_;
  Clock::time_point heard_{};
  Clock::time_point pinged_{};
  bool welcomed_ = false;
  bool replace_ = false;
  int failures_ = 0;

  int wake_read_ = -1, wake_write_ = -1;
  std::thread thread_;
};

}  // namespace hawser::sdk
