#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dialect/api.hpp"

/// The two shapes of one answer: a stream of events, or one JSON body.
namespace hawser::dialect {

/// What a stream comes to. Nothing where it is not complete or holds what a body could not.
/// @param frames  a whole stream as it stands on the wire (chat, completions, responses)
std::optional<std::string> body_of_stream(Api api, std::string_view frames);

/// A stream that comes to `body`: its text cut at words. Nothing for what is not understood.
/// @param with_usage  ends with a chunk of usage, as stream_options.include_usage asks for
std::optional<std::string> stream_of_body(Api api, std::string_view body, bool with_usage);

/// Why an answer ended: whether all its choices came to an end of their own ("stop", "tool_calls",
/// "completed"); "length" where its most was reached.
struct Ending {
  bool whole = false;     // nothing is missing, nothing failed
  bool length = false;    // cut at its most
  bool filtered = false;  // by the provider
};
/// @param body  an answer of chat, completions or responses
Ending ending_of(Api api, std::string_view body);

}  // namespace hawser::dialect
