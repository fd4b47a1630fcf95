#pragma once

#include <deque>

#include "front/websocket/streams.hpp"
#include "front/websocket/visitor.hpp"

namespace hawser::front::websocket {

/// The simple form on /v1/chat: a text message with the body of a chat completion starts it, its
/// chunks come back as messages, `[DONE]` ends it; {"type":"ping"} is answered, {"type":"cancel"}
/// stops. Chats of one connection follow each other.
class Chat final : public Protocol, private Encoder {
 public:
  Chat(Services& services, Connection& connection, Visitor visitor);

  void received(std::string_view text) override;
  void drained() override { streams_.resume(); }
  Clock::time_point attend(Clock::time_point now) override;
  void drain() override;
  void closed(std::uint16_t code) override;
  Task<> finished() override { return streams_.finished(); }

 private:
  struct Waiting {
    std::string body{};
    net::ConnectionBudget::Share held{};
  };
  void start(Waiting chat);
  void head(Stream& stream, const generation::AnswerHead& head) override;
  std::size_t event(Stream& stream, const Event& event) override;
  void end(Stream& stream, const dialect::Usage& usage) override;
  void failed(Stream& stream, const Error& error) override;
  void ended(Stream& stream) override;

  Services& services_;
  Connection& connection_;
  Visitor visitor_;
  Streams streams_;
  std::deque<Waiting> queue_;  // chats to come
  std::string whole_{};        // of an answer that is no stream
};

}  // namespace hawser::front::websocket
