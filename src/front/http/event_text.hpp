#pragma once

#include <string>
#include <string_view>

#include "dialect/api.hpp"
#include "generation/reader.hpp"
#include "net/buffer.hpp"

namespace hawser::front::http {

/// Fills a block with events, each after its id line.
class EventText {
 public:
  /// @param reader  names the events; null: no ids
  EventText(net::BlockPool& blocks, const generation::Reader* reader, dialect::Api api)
      : blocks_(blocks), block_(blocks.take()), reader_(reader), api_(api) {}
  ~EventText() { blocks_.give_back(std::move(block_)); }
  EventText(const EventText&) = delete;
  EventText& operator=(const EventText&) = delete;

  /// From now on events that only add text become one, with the id of the last of them.
  void merge_deltas(bool merge) { merges_ = merge; }
  /// Takes events from the front of `run` as long as they fit. An event without data gets no id:
  /// clients see none. False: the first that is left is longer than a block.
  bool fill(generation::EventRun& run);
  /// Puts in what waited for more to be merged with. False: it does not fit; call again.
  bool finish();
  std::string_view text() const { return {block_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  bool take_whole(generation::EventRun& run);
  bool take_merged(generation::EventRun& run);
  void add_id(std::uint64_t seq);
  bool fits(std::size_t frame, bool named) const;

  net::BlockPool& blocks_;
  net::BlockPool::Block block_;
  const generation::Reader* reader_;
  dialect::Api api_;
  std::size_t size_ = 0;
  std::uint64_t named_ = ~0ull;  // its id is out, the event itself is to come
  bool merges_ = false;
  std::string held_{};  // an event that the next ones may be merged into
  std::uint64_t held_seq_ = 0;
};

}  // namespace hawser::front::http
