#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/lazy.hpp"
#include "dialect/answer_format.hpp"
#include "dialect/usage_reader.hpp"

namespace hawser::dialect {

/// Recognises an event that differs from an earlier one in nothing but the text that it adds: then
/// what was read of that one holds for this one, without parsing it.
class DeltaShape {
 public:
  /// @param frame  an event that was read; its text is the part from `begin` to `end`
  void learn(std::string_view frame, std::size_t begin, std::size_t end);
  struct Match {
    std::size_t frame = 0;  // size; 0: another shape
    std::size_t text = 0;   // size
  };
  /// @param frames  whole events; only the first is looked at
  Match match(std::string_view frames) const;

 private:
  std::uint64_t head_hash_ = 0;
  std::uint64_t tail_hash_ = 0;
  std::uint16_t head_ = 0;  // bytes before the text; 0: none was learnt
  std::uint16_t tail_ = 0;  // bytes behind it, with the empty line
};

/// Reads the events of a provider's stream: its usage, its end, its errors. By parsing, never by
/// searching for bytes: an answer's text may say anything.
class StreamReader {
 public:
  /// @param choices  that the request asks for
  explicit StreamReader(AnswerFormat format, std::uint32_t choices = 1)
      : format_(format), choices_(choices) {}

  AnswerFormat format() const { return format_; }

  /// Reads up to the terminal event, and the [DONE] that some providers say behind it: what else
  /// stands there is none of the answer.
  /// @param frames  whole events as they stand on the wire
  /// @return how many bytes belong to the answer
  std::size_t read(std::string_view frames);

  /// The next piece of an answer that is no stream: its usage is read where it is JSON.
  /// @param last  it ends with it
  void read_document(std::string_view piece, bool last);

  /// Whether the terminal event was seen: no more of the answer comes behind it.
  bool ended() const { return ended_; }
  /// Whether nothing that comes now is the answer's, be it a [DONE] behind the terminal event.
  bool closed() const { return closed_; }
  /// Whether the answer is all there: what may still come is its usage and the terminal event.
  bool finished() const { return ended_ || finished_; }
  /// Whether the stream may end here.
  bool complete() const { return finished() || !generates(format_); }
  /// Whether its last word was an error.
  bool failed() const { return failed_; }
  /// Whether an error stood in place of any content.
  bool failed_first() const { return failed_ && !content_; }
  /// Whether an event with data came at all.
  bool any_data() const { return any_data_; }
  /// Whether what was read last held an event with data.
  bool data_now() const { return data_now_; }
  const Usage& usage() const { return usage_.get(); }
  /// Whether that is the provider's last word: what it told before the end of the answer is a total
  /// that still runs, or none of its output yet.
  bool usage_final() const { return usage().known && usage_final_; }

  /// Of what was read last: the chunk that tells nothing but the usage of a chat.
  struct Place {
    std::uint32_t at = 0;
    std::uint32_t size = 0;  // 0: there was none
  };
  const Place& usage_chunk() const { return usage_chunk_; }

 private:
  struct Chunk;
  std::size_t read_event(std::string_view frames, std::size_t at);
  std::size_t read_behind_end(std::string_view frames);
  void read_data(std::string_view frame, std::string_view type, std::string_view data);
  void read_chunk(std::string_view frame, std::string_view data);
  void read_typed(std::string_view type, std::string_view data);
  void read_response(std::string_view type, std::string_view data);
  void read_message(std::string_view type, std::string_view data);
  void read_candidates(std::string_view data);
  void note_usage(std::string_view data);
  void fail();

  DeltaShape shape_{};
  std::unique_ptr<UsageReader> document_{};
  bool usage_final_ = false;
  Lazy<Usage> usage_{};  // told late
  Place usage_chunk_{};
  AnswerFormat format_;
  std::uint32_t choices_;
  std::uint32_t finished_choices_ = 0;  // bits by index
  bool finished_ = false;
  bool ended_ = false;
  bool closed_ = false;
  bool failed_ = false;
  bool content_ = false;
  bool any_data_ = false;
  bool data_now_ = false;
};

/// Whether a body, all of it, is an error in one of the providers' forms.
bool tells_error(std::string_view body);

/// What the first bytes of a content are, whatever its label says.
enum class ContentForm : std::uint8_t {
  unknown,  // blanks only, so far
  events,
  json,
  other
};
ContentForm form_of(std::string_view bytes);

}  // namespace hawser::dialect
