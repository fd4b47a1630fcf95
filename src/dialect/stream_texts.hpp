#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/plain_escapes.hpp"
#include "dialect/stream_event.hpp"
#include "dialect/text_fingerprint.hpp"

namespace hawser::dialect {

/// Gathers all texts of a streamed answer for somebody who judges them: each text that is told in
/// pieces for itself, in its order, however the events of others stand between. An event that
/// repeats a text adds nothing; one that brings a text in a member that no client is known to read
/// adds it.
class StreamTexts {
 public:
  explicit StreamTexts(Api api) : reader_(api) {}

  /// Takes some events. @param frames  whole ones, as they stand on the wire
  /// @param passes     what may leave of them once their texts are judged is appended
  /// @param must_read  what cannot be read passes not
  /// @return false: one of them cannot be read and must be
  bool feed(std::string_view frames, bool must_read, std::string& passes);
  /// Why not.
  const char* why_unreadable() const { return why_; }

  /// Bytes of text that came since the last take().
  std::size_t size() const { return size_; }
  /// What came since, one text a line. A text that goes on begins with the end of what was given of
  /// it before, so that nothing hides between two.
  std::string take();

  static constexpr std::size_t channels_max = 16 * 1024;
  static constexpr std::size_t overlap = 128;  // bytes

 private:
  struct Channel {
    std::string tail{};   // the end of what was given
    std::string fresh{};  // what is to be given
    PlainEscapes escapes{};
    TextFingerprint all{};
    std::uint64_t last = 0;   // stands for the last text
    std::uint64_t event = 0;  // that it stood in
  };

  bool take_frame(std::string_view frame, bool must_read, std::string& passes);
  bool add(const StreamEvent& event);
  void add_piece(const EventText& text, Channel& channel);
  void add_whole(const EventText& text, Channel& channel);
  void tell(std::uint64_t print);

  EventReader reader_;
  std::unordered_map<std::uint64_t, Channel> channels_{};
  std::vector<std::uint64_t> fresh_{};  // channels with something to give, in their order
  std::string wholes_{};
  std::unordered_set<std::uint64_t> told_{};    // stand for texts that were taken
  std::unordered_set<std::uint64_t> pieces_{};  // of the event that is read
  std::size_t size_ = 0;
  std::uint64_t number_ = 0;  // of the event
  const char* why_ = "";
};

}  // namespace hawser::dialect
