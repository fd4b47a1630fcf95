#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dialect/rewrite_text.hpp"
#include "dialect/stream_event.hpp"
#include "stage/filter/channel.hpp"

namespace hawser::stage::filter {

/// Filters the texts in a stream's events, channel by channel: every text of every event, wherever
/// it stands. What leaves is an event in which nothing changed, byte for byte, or one that is
/// written anew from what was read. Pure.
///
/// What a text holds back is told with the next event of its channel, or before what ends it.
class EventFilter {
 public:
  /// `rules` outlive it.
  EventFilter(dialect::Api api, const AnswerRules& rules) : reader_(api), rules_(rules) {}

  /// @param frames  whole events
  /// @return        what may leave of them
  std::string feed(std::string_view frames, Clock::time_point now);
  /// When release() is to be called; nothing: nothing waits.
  std::optional<Clock::time_point> due() const;
  std::string release(Clock::time_point now);
  /// Whether the end of a text waits for what follows it.
  bool holds_back() const { return waiting_.has_value() || !holding_.empty(); }
  /// The stream ends.
  std::string finish();
  /// A rule ended the answer.
  bool blocked() const { return blocked_; }
  /// An event that the rules must read cannot be read.
  bool unreadable() const { return unreadable_; }
  const char* why_unreadable() const { return why_; }

  static constexpr std::size_t running_max = 1024;        // texts that go on at a time
  static constexpr std::size_t channels_max = 16 * 1024;  // that are remembered
  static constexpr std::size_t waiting_max = 64 * 1024;   // bytes of an event that waits

 private:
  /// What is known of a text that goes on, or comes again.
  struct State {
    std::unique_ptr<Channel> channel{};  // none: nothing goes on now
    std::string before{}, behind{};      // of an event for what is held, around the text
    std::string tail{};                  // the end of what came
    std::uint64_t last = 0;              // stands for the last text
    bool clean = false;                  // nothing was found in it
    std::uint64_t end = 0;
    std::uint64_t coming = 0;  // the number of the last event that continues it
  };
  /// A text's new form in an event.
  struct Slot {
    std::size_t at = 0, size = 0;
    std::uint64_t channel = 0;
    std::string text{};
    bool waits = false;  // more of it may belong here
    bool alone = false;  // what the next event does not continue ends here
  };
  /// An event that waits for the next one.
  struct Waiting {
    dialect::StreamEvent event{};
    std::string type{}, id{}, retry{}, data{};
    std::vector<Slot> slots{};
  };

  void take(std::string_view frame, Clock::time_point now, std::string& out);
  void take_texts(const dialect::StreamEvent& event, std::string_view frame, Clock::time_point now,
                  std::string& out);
  void pass_text(const dialect::StreamEvent& event, const dialect::EventText& text,
                 Clock::time_point now);
  void pass_piece(const dialect::StreamEvent& event, const dialect::EventText& text,
                  Clock::time_point now);
  void pass_whole(const dialect::EventText& text);
  bool begin(State& state, const dialect::EventText& text);
  std::size_t continued(State& state, std::string_view text, std::string& out);
  State* state_of(std::uint64_t channel);
  void announce(const dialect::StreamEvent& event);
  void settle(const dialect::StreamEvent* next, std::string& out);
  void wait(const dialect::StreamEvent& event);
  void end_texts(const dialect::StreamEvent& event, std::string& out);
  void flush(State& state, std::string& text);
  void end_in(Slot& slot, State& state);
  void tell_rest(std::uint64_t channel, std::string& out);
  void tell_all(std::string& out);
  void fail(const char* why);

  dialect::EventReader reader_;
  const AnswerRules& rules_;
  std::unordered_map<std::uint64_t, State> states_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> running_;  // channels by their end
  std::size_t running_count_ = 0;
  std::unordered_set<std::uint64_t> holding_;  // channels that hold something back
  std::optional<Waiting> waiting_;
  std::vector<Slot> slots_;  // of the event that is being read
  std::uint64_t number_ = 0;
  bool blocked_ = false;
  bool unreadable_ = false;
  const char* why_ = "";
};

/// Filters one whole text.
/// @return whether it changed
bool filter_whole(const AnswerRules& rules, const dialect::FoundText& found, std::string& out,
                  bool& blocked);

}  // namespace hawser::stage::filter
