#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "front/websocket/streams.hpp"
#include "front/websocket/visitor.hpp"

namespace hawser::front::websocket {

/// `hawser.v1+json`: any API call, many at a time, over one connection that may break and be taken
/// up again. docs/tunnel.md is the contract.
class Tunnel final : public Protocol, private Encoder {
 public:
  Tunnel(Services& services, Connection& connection, Visitor visitor);

  void opened() override;
  void received(std::string_view text) override;
  void drained() override { streams_.resume(); }
  Clock::time_point attend(Clock::time_point now) override;
  milliseconds keepalive() const override {
    const bool open = streams_.size() > 0 || !awaited_.empty();
    return welcomed_ && open ? keepalive_ : milliseconds(0);
  }
  void drain() override;
  void closed(std::uint16_t code) override;
  Task<> finished() override { return streams_.finished(); }
  std::uint16_t code_for(std::uint16_t code) const override;
  bool known_client() const override { return greeted_ || visitor_.known; }

 private:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  void hello(std::string_view frame);
  bool resume_generations(std::string_view frame);
  void resumption(Stream& stream, bool found, std::string frame);
  void resumption_done();
  void welcome();
  void request(std::string_view frame);
  void body_part(std::string_view frame);
  struct Awaited {  // a request, until its body is whole
    exchange::Call::Given given{};
    milliseconds ttl{0};
    net::ConnectionBudget::Share held{};
    Clock::time_point part_by = Clock::time_point::max();
  };
  void begin(std::string id, Awaited request, bool wait = false);
  void refuse(std::string_view id, const Error& error);
  Clock::time_point end_overdue_bodies(Clock::time_point now);
  void cancel(std::string_view frame);
  void window(std::string_view frame);
  void refuse(std::string_view id, std::string_view code, int status, std::string_view message);
  std::optional<exchange::ClientName> client_of_key() const;
  void say_goaway(std::string_view why, milliseconds left, bool resumable);

  void head(Stream& stream, const generation::AnswerHead& head) override;
  std::size_t event(Stream& stream, const Event& event) override;
  void end(Stream& stream, const dialect::Usage& usage) override;
  void failed(Stream& stream, const Error& error) override;

  Services& services_;
  Connection& connection_;
  Visitor visitor_;
  Streams streams_;
  enum class Resumption : std::uint8_t { pending, found, lost };
  std::unordered_map<std::string, Resumption> resumptions_;  // by id, until welcome
  std::size_t pending_ = 0;                                  // of them
  std::vector<std::string> held_;                            // frames that follow welcome
  std::unordered_map<std::string, Awaited> awaited_;
  std::string scratch_{};
  Clock::time_point hello_by_{};
  Clock::time_point replace_by_{};
  Clock::time_point recheck_at_{};
  Clock::time_point welcome_by_ = Clock::time_point::max();
  bool greeted_ = false;
  bool welcomed_ = false;
  milliseconds keepalive_{0};  // its client promised to be heard from so often; 0: it did not
  bool resumes_ = false;       // its client comes back after a drop
  bool going_ = false;         // goaway was said
};

}  // namespace hawser::front::websocket
