#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::dialect {

/// Tokens that an answer used, as its provider counts them.
struct Usage {
  bool known = false;
  bool cached_within = true;  // `input` counts the cached tokens too: not with Anthropic
  std::uint32_t input = 0;
  std::uint32_t output = 0;
  std::uint32_t cached = 0;       // input that its cache held
  std::uint32_t cache_write = 0;  // input that went there
  std::uint32_t reasoning = 0;    // output that is not shown
};

/// Takes the counts of a usage object: of chat, responses, messages, Gemini and their relatives.
/// A count that is missing or 0 keeps what it was: some tell the input first and the output last,
/// and totals that are told twice count once.
/// @param object  its JSON, such as {"prompt_tokens":1}
void take_usage(std::string_view object, Usage& usage);

/// Takes the usage that one JSON object tells at the places where providers put it: "usage" or
/// "usageMetadata" at its top, or right under "response", "message" or "x_groq". Nowhere else: what
/// a client sent may come back in an answer.
/// @return whether it is one JSON object; else nothing was taken
bool take_usage_of(std::string_view object, Usage& usage);

/// The usage of a JSON document that comes in pieces, wherever they are cut. It holds no more of it
/// than one name or the usage itself. An array is read as a list of such documents.
class UsageReader {
 public:
  void feed(std::string_view piece);
  const Usage& usage() const { return usage_; }

 private:
  enum class Name : std::uint8_t { none, usage, holder };

  const char* step(const char* at, const char* end);
  const char* string_end(const char* at, const char* end);
  void begin_string(const char* at);
  void end_string(const char* at);
  void open(const char* at);
  void close(const char* at);
  void keep(const char* until);
  /// Whether the members of the container under way are looked at.
  bool watches() const {
    return base_ != 0 && (depth_ == base_ || (holder_ && depth_ == base_ + 1));
  }

  std::uint32_t depth_ = 0;
  std::uint32_t base_ = 0;  // depth of the document's own members; 0: it has not begun
  std::uint32_t captured_at_ = 0;
  Name name_ = Name::none;  // of the value that comes
  bool holder_ = false;     // within an object that may hold a usage
  bool expects_name_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool is_name_ = false;    // the string under way is a name that is looked at
  bool capturing_ = false;  // the usage is under way
  const char* kept_from_ = nullptr;
  std::string token_{};  // the name or the usage, as far as it has come
  Usage usage_{};
};

}  // namespace hawser::dialect
