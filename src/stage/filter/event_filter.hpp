#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dialect/api.hpp"
#include "dialect/rewrite_text.hpp"
#include "stage/filter/channel.hpp"

namespace hawser::stage::filter {

/// Filters the texts in a stream's events, channel by channel: content, reasoning, each tool call's
/// arguments, of each choice. Events whose texts do not change go on byte for byte. Pure.
///
/// What a text holds back is told with the next event of its channel, or before what ends it.
class EventFilter {
 public:
  /// `rules` outlive it.
  EventFilter(dialect::Api api, const AnswerRules& rules) : api_(api), rules_(rules) {}

  /// @param frames  whole events
  /// @return        what may leave of them
  std::string feed(std::string_view frames, Clock::time_point now);
  /// When release() is to be called; nothing: nothing waits.
  std::optional<Clock::time_point> due() const;
  std::string release(Clock::time_point now);
  /// Whether the end of a text waits for what follows it.
  bool holds_back() const { return pending_.has_value(); }
  /// The stream ends.
  std::string finish();
  /// A rule ended the answer.
  bool blocked() const { return blocked_; }
  /// An event that the rules must read is neither a JSON object nor "[DONE]".
  bool unreadable() const { return unreadable_; }

 private:
  /// A text that an event adds.
  struct Piece {
    std::string channel;
    boost::json::string* text;
    bool json = false;  // of a tool call's arguments
  };
  /// What an event says of the channels.
  struct Reading {
    std::vector<Piece> pieces{};
    std::vector<std::string> ends{};  // beginnings of the names of channels that end
    std::vector<Piece> wholes{};      // texts that repeat what was told in pieces
  };
  struct Held {
    std::unique_ptr<Channel> channel;
    std::string type{};         // of the last event
    boost::json::value last{};  // the last event that left something behind
  };
  /// An event that waits: some of its text may still have to come.
  struct Pending {
    std::string type;
    boost::json::value event;
    std::string channel;
  };

  Reading read(boost::json::value& event) const;
  void read_choices(boost::json::value& event, Reading& reading) const;
  void read_response(boost::json::value& event, Reading& reading) const;
  void read_message(boost::json::value& event, Reading& reading) const;
  void take(std::string_view frame, Clock::time_point now, std::string& out);
  bool pass_pieces(const std::string& type, boost::json::value& event, Reading& reading,
                   Clock::time_point now);
  bool rewrite_wholes(Reading& reading);
  void end_channels(const Reading& reading, std::string& out);
  void tell_pending(std::string& out);
  void tell_rest(Held& held, const std::string& name, std::string& out);
  Held& channel(const std::string& name, bool json = false);
  static void write(const std::string& type, const boost::json::value& event, std::string& out);

  dialect::Api api_;
  const AnswerRules& rules_;
  std::map<std::string, Held> channels_;
  std::optional<Pending> pending_;
  bool blocked_ = false;
  bool unreadable_ = false;
};

/// Filters one whole text.
/// @return whether it changed
bool filter_whole(const AnswerRules& rules, const dialect::FoundText& found, std::string& out,
                  bool& blocked);

}  // namespace hawser::stage::filter
