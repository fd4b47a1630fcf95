#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace hawser::dialect {

/// How a provider takes up an assistant message that is begun already (wire.md).
enum class Prefill : std::uint8_t {
  none,
  prefix,                  // "prefix": true in the message (DeepSeek's beta, Mistral)
  partial,                 // "partial": true in the message (Kimi, Qwen)
  continue_final_message,  // the same in the request (vLLM, SGLang)
};

/// How a broken stream goes on by a second call.
enum class SpliceKind : std::uint8_t {
  restart,  // nothing of the answer was out yet
  prefill,  // the provider continues the text that is out
  replay,   // the same answer is made again and compared with what is out
};
std::string_view name_of(SpliceKind kind);

/// Watches a streamed chat answer, knows whether it may be continued when it breaks, and joins the
/// second stream to the first so that the client sees one: no text twice, none missing. Pure.
///
/// Continued are answers of text only (one choice, no tool call, no reasoning, no log
/// probabilities): by prefill where the provider can, else by replay where the request asks for the
/// same answer each time (temperature 0 or a seed) and little is out.
class Splice {
 public:
  /// @param body  the request; outlived only by this constructor
  Splice(std::string_view body, Prefill prefill);

  /// Frames that go out to the client.
  void see(std::string_view frames);
  /// False once nothing could be continued any more: then its owner may drop it.
  bool possible() const { return possible_; }

  /// The first stream broke here. Nothing: it cannot be continued.
  std::optional<SpliceKind> kind();
  /// The body of the second call, from that of the first.
  std::string second_body(std::string_view body) const;
  /// What of the second stream's frames goes out, which may be nothing.
  /// Error: upstream when the second answer is another one.
  Result<std::string> join(std::string_view frames);

 private:
  struct Delta;
  void weigh(std::string_view body);
  bool take_in(std::string_view frame);
  Result<> join_frame(std::string_view frame, std::string& out);
  void pass(std::string_view data, std::string& out);

  Prefill prefill_;
  bool replayable_ = false;
  bool possible_ = true;
  bool content_ = false;
  std::string frames_;  // that are out: read only when it comes to it
  std::optional<SpliceKind> kind_{};
  std::string text_;  // that is out
  std::uint64_t deltas_ = 0;
  std::string id_;            // of the first answer: a JSON token
  std::size_t replayed_ = 0;  // bytes of text_ that came again
  bool joined_ = false;       // the second stream's first frame is out
};

}  // namespace hawser::dialect
