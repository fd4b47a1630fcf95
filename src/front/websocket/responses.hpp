#pragma once

#include <deque>
#include <map>
#include <set>

#include "dialect/response_event.hpp"
#include "front/websocket/streams.hpp"
#include "front/websocket/visitor.hpp"

namespace hawser::front::websocket {

/// OpenAI's WebSocket mode of the Responses API: `response.create` starts a response, its events
/// come back as messages; lanes (`stream_id`) run beside each other, within a lane one follows the
/// other. In front of any target.
/// Source: OpenAI's guide "WebSocket mode".
class Responses final : public Protocol, private Encoder {
 public:
  Responses(Services& services, Connection& connection, Visitor visitor);

  void opened() override;
  void received(std::string_view text) override;
  void drained() override { streams_.resume(); }
  Clock::time_point attend(Clock::time_point now) override;
  void drain() override;
  void closed(std::uint16_t code) override;
  Task<> finished() override { return streams_.finished(); }

 private:
  /// A response that its provider does not keep: what a next one that builds on it needs.
  struct Turn {
    std::string items{};  // input and output so far: members of a JSON array, joined by commas
    net::ConnectionBudget::Share held{};  // for them
  };
  struct Asked {
    std::string lane{};
    std::string body{};   // of the call
    std::string items{};  // of its input with all that came before; empty: its provider keeps them
    net::ConnectionBudget::Share held{};
  };

  struct Frame;
  void create(const Frame& frame);
  void accept(Asked asked);
  void start(Asked asked);
  bool expand(const Frame& frame, Asked& asked);
  bool known_key() const;
  void warm_up(const Asked& asked, const Frame& frame);
  void remember(std::string id, std::string items);
  void forget_oldest();
  void refuse(std::string_view lane, const Error& error, std::string_view code = {});
  void send_event(std::string_view lane, std::string_view event);
  static std::string name_of_lane(const std::string& lane) { return "lane:" + lane; }

  void head(Stream& stream, const generation::AnswerHead& head) override;
  std::size_t event(Stream& stream, const Event& event) override;
  void end(Stream& stream, const dialect::Usage& usage) override;
  void failed(Stream& stream, const Error& error) override;
  void ended(Stream& stream) override;

  Services& services_;
  Connection& connection_;
  Visitor visitor_;
  Streams streams_;
  std::set<std::string> lanes_;                       // names that were used
  std::map<std::string, std::deque<Asked>> waiting_;  // by lane
  std::size_t waiting_count_ = 0;
  std::map<std::string, std::string> items_;                   // of streams that run: Asked::items
  std::map<std::string, std::string> whole_;                   // of answers that are no streams
  std::map<std::string, dialect::ResponseProgress> progress_;  // of streams under way
  std::map<std::string, Turn> turns_;                          // by id of their response
  std::deque<std::string> turn_order_;
  std::size_t turns_size_ = 0;
  Clock::time_point replace_by_{};
};

}  // namespace hawser::front::websocket
