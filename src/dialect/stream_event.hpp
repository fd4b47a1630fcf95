#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/api.hpp"
#include "wire/frame_fields.hpp"

/// Events of a stream for somebody who must have read whatever goes on: filters and guards.
namespace hawser::dialect {

/// How a text goes on in the events behind it.
enum class Growth : std::uint8_t {
  whole,   // it is all there, by the protocol; the next one is another
  part,    // of a delta, but mostly told at once: a name, an annotation, what is not known
  running  // a piece of what the model writes: the next one continues it, however far away
};

struct EventText {
  std::string_view text{};    // decoded
  std::uint64_t channel = 0;  // of the text that it belongs to: the path of its member, in which
                              // the places in lists are the `index` of what stands there
  std::uint64_t end = 0;      // of what ends it: a choice, a part of an item, a block
  std::size_t at = 0;         // its token in the event's data
  std::size_t size = 0;       // of the token; 0: it is the event's type, outside the data
  std::uint32_t node = 0;     // that holds it
  Growth growth = Growth::whole;
  bool json = false;        // it is JSON itself: the arguments of a tool call
  std::string_view name{};  // of its member, decoded; empty: it stands in a list, or is a name
};

enum class EventKind : std::uint8_t {
  silent,     // without data: clients see no event. A sign of life, or fields alone
  done,       // "[DONE]"
  texts,      // all of its data was read
  unreadable  // something of it was not
};

/// One event as it was read. Views live as long as the frame and until the next event is read.
struct StreamEvent {
  EventKind kind = EventKind::unreadable;
  const char* why = "";  // unreadable: what was not read, for the client
  bool plain = false;    // the frame says nothing else: it may go on as it came
  wire::FrameFields fields{};
  std::vector<EventText> texts{};
  std::vector<std::uint64_t> ends{};  // of texts: see EventText::end
  bool ends_all = false;

  /// The frame in another form, with nothing in it that was not read.
  void write(std::string_view type, std::string_view data, std::string& out) const;
};

/// Reads a stream's events, one after the other. Everything in an event is known, or it is
/// unreadable: fields but data, event, id and retry; data that is no JSON object or names a member
/// twice; more texts than anybody sends. Work is linear in an event's size.
class EventReader {
 public:
  explicit EventReader(Api api) : api_(api) {}

  const StreamEvent& read(std::string_view frame);

  /// Writes what an event is that has this text alone: all before the text's token, and all behind.
  /// Beside the text stand short members that are none: ids, types, indexes.
  /// @return false: it would be too long
  bool frame_of(const EventText& text, std::string& before, std::string& behind) const;

  static constexpr std::size_t texts_max = 256 * 1024;
  static constexpr std::size_t nodes_max = 512 * 1024;

 private:
  friend class EventScan;
  /// A short member that is no text.
  struct Simple {
    std::string_view name{}, value{};  // tokens, as they stand there
    std::uint32_t next = 0;            // of the same object, plus 1
  };
  /// An object or a list.
  struct Node {
    std::uint32_t parent = 0;
    std::uint32_t simples = 0, count = 0;  // the last of them, plus 1
    std::string_view name{};               // of the member, decoded; empty in a list
    std::uint64_t index = 0;               // in a list: what it says, of a list its place
    std::uint64_t entries = 0;             // of a list, that were read
    std::uint64_t channel = 0, path = 0;   // with indexes; without any
    std::uint64_t end = 0;
    bool list = false, in_delta = false, choice = false, finished = false;
  };

  void fail(const char* why) {
    event_.kind = EventKind::unreadable;
    event_.why = why;
  }
  void read_data();
  void read_type();
  void place_nodes();
  void place_root();
  void place_text(EventText& text) const;
  Growth growth_of(const EventText& text, const Node& node) const;
  std::optional<std::uint64_t> channel_of_part(const Node& node) const;

  Api api_;
  bool first_ = true;
  StreamEvent event_{};
  std::string scratch_{};
  std::deque<std::string> decoded_{};
  std::vector<Node> nodes_{};
  std::vector<Simple> simples_{};
  std::string type_{};  // the data's "type"
  bool type_is_text_ = false;
  std::uint64_t root_index_[4]{};  // index, output_index, content_index, summary_index
};

}  // namespace hawser::dialect
