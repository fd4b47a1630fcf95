#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dialect/answer_format.hpp"

namespace hawser::dialect {

/// Members that say how many answers are wanted.
enum class CountName : std::uint8_t { none, n, best_of, candidates };
/// As it stands in a request; empty: none.
std::string_view name_of(CountName name);

/// What the gateway must know of a request; everything else stays bytes.
struct RequestFacts {
  std::string model{};         // decoded
  std::string_view user{};     // a token in the body: "user" or its later name
  std::uint32_t model_at = 0;  // where it stands in the body: a JSON token with its quotes, or
  std::uint32_t model_size = 0;
  std::uint32_t output_max = 0;  // tokens; 0: not said
  std::uint16_t choices = 1;     // n, best_of, candidateCount: so many answers are written
  bool has_model : 1 = false;
  bool form : 1 = false;     // the model is the bare value of a form's field
  bool in_path : 1 = false;  // the model stands in the path, not in the body
  bool stream : 1 = false;
  bool usage_asked : 1 = false;       // stream_options.include_usage
  bool stores : 1 = false;            // store: true
  bool background : 1 = false;        // the answer is made when nobody waits for it
  bool speaks : 1 = false;            // the answer is to be heard: audio, modalities
  bool logprobs : 1 = false;          // the answer repeats its text token by token
  bool logprobs_refused : 1 = false;  // whoever still reads on is to find none asked for
  bool other_models_refused : 1 = false;
  bool other_places : 1 = false;                 // it says where the model is to be asked
  bool other_models : 1 = false;                 // it asks for further models, or names a server
  CountName unread_count : 2 = CountName::none;  // a count of answers whose value is no number
};

/// Whether policies decide about both alike, wherever in the body they stand and whosever they are.
bool decide_alike(const RequestFacts& a, const RequestFacts& b);

/// How strictly members are judged that only some operations have.
enum class PeekMode : std::uint8_t {
  known,   // of an operation with a model and a stream: wrong types are errors
  unknown  // of a path that the gateway does not know: a model that is no text is none
};

/// Reads a JSON request in one pass: no tree, no copy. Strict where a lax reader
/// might see another request: it is one JSON object by RFC 8259 in UTF-8, no member of it stands
/// twice, and none has a name that only differs from a known one in case (Go's encoding/json takes
/// those for the same).
///
/// @param format  tells by which member the longest answer is told; other: by all of them
/// Errors: invalid_request, with the member's name; too_large above 4 GiB.
Result<> peek_request(std::string_view body, RequestFacts& facts, PeekMode mode = PeekMode::known,
                      AnswerFormat format = AnswerFormat::other);

}  // namespace hawser::dialect
