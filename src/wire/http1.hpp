#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/letters.hpp"

/// HTTP/1.1 without a socket: bytes in, views out. Strict where a lenient reading could make two
/// programs disagree about where a message ends (request smuggling).
///
/// Source: RFC 9110 (semantics), RFC 9112 (HTTP/1.1). Each refusal names its clause in http1.cpp.
namespace hawser::wire {

/// One header field as it stood on the wire; the value has no surrounding blanks.
struct Field {
  std::string_view name;
  std::string_view value;
};

/// How the body of a message is delimited (RFC 9112, 6.3).
enum class Framing : std::uint8_t { none, length, chunked, until_close };

struct HeadLimits {
  std::size_t head_max = 64 * 1024;  // bytes, start line and fields together
  std::size_t target_max = 16 * 1024;
  std::size_t fields_max = 128;
};

/// The start line and fields of a request. Views point into the parsed bytes.
struct RequestHead {
  std::string_view method{};
  std::string_view target{};  // as sent; in absolute-form too
  std::string_view path{};    // target without query, "/..." or "*" (absolute-form: its path)
  std::string_view query{};   // behind the '?', without it
  std::string_view host{};    // Host field, or the authority of an absolute-form target
  int minor_version = 1;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;
  std::vector<Field> fields{};

  /// The first field of that name (any case), or nullptr.
  const Field* find(std::string_view name) const;
};

struct ResponseHead {
  int status = 0;
  std::string_view reason{};
  int minor_version = 1;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  std::vector<Field> fields{};

  const Field* find(std::string_view name) const;
};

/// Outcome of parsing a head from the front of a buffer.
struct HeadOutcome {
  enum class State : std::uint8_t { incomplete, complete, malformed };
  State state = State::incomplete;
  std::size_t consumed = 0;    // bytes of the head, with its empty line (complete only)
  int status = 0;              // malformed only: 400, 414, 417, 431, 501 or 505
  std::string_view problem{};  // malformed only: a fixed phrase, fit for a client and a log
};

/// Parses the head at the front of `bytes`.
/// @param searched  in/out: bytes already known not to end the head; start with 0 for each message
///                  and pass the same variable again with the longer buffer: linear, however it is
///                  cut
/// @param out       reused between messages: its vector keeps its capacity
HeadOutcome parse_request_head(std::string_view bytes, std::size_t& searched,
                               const HeadLimits& limits, RequestHead& out);

/// The same for an answer. `request_method` decides on the body of HEAD and CONNECT answers.
/// 1xx heads come out as complete with Framing::none; the caller reads on.
HeadOutcome parse_response_head(std::string_view bytes, std::size_t& searched,
                                std::string_view request_method, const HeadLimits& limits,
                                ResponseHead& out);

/// Takes the chunked coding off (RFC 9112, 7.1). Fed in any cuts; keeps no bytes of its own.
class ChunkDecoder {
 public:
  enum class State : std::uint8_t { more, done, malformed };
  struct Step {
    State state = State::more;
    std::size_t consumed = 0;  // bytes of the input that this step used up
    std::string_view data{};   // content, a view into the input; may be empty
  };
  /// Decodes up to the end of one run of content: call again with the rest while it consumed some.
  /// Trailer fields are checked and dropped; they never reach a header list (RFC 9110, 6.5.1).
  Step feed(std::string_view bytes);
  bool done() const { return phase_ == Phase::done; }

 private:
  enum class Phase : std::uint8_t {
    size_first,
    size,
    extension_first,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer,
    trailer_lf,
    end_lf,
    done,
    broken
  };
  Phase next_phase(char c);
  std::size_t skip_to_data(std::string_view bytes);
  static Phase after_size(char c);

  std::uint64_t left_ = 0;
  std::uint32_t line_ = 0;  // digits, then bytes of the extension or the trailer section
  Phase phase_ = Phase::size_first;
};

/// "1f4\r\n": what goes before `size` bytes of content; "\r\n" goes behind. At most 18 bytes.
std::size_t write_chunk_head(char* out, std::size_t size);

/// ASCII case-insensitive equality of field names and tokens.
inline bool same_token(std::string_view a, std::string_view b) {
  return same_letters(a, b);
}

/// The methods that APIs use: POST, GET, HEAD, PUT, PATCH, DELETE, OPTIONS. All others are refused
/// on every transport, with 501: TRACE would tell the client what credential its request got.
bool served_method(std::string_view method);

/// Whether a comma-separated list value (Connection, Transfer-Encoding) holds `token`, in any case.
bool list_has(std::string_view list, std::string_view token);

/// Connection, Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade: fields that end at the
/// next hop (RFC 9110, 7.6.1). Names listed in a Connection field are the caller's to check.
bool hop_by_hop(std::string_view name);

}  // namespace hawser::wire
