#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dialect/usage.hpp"

namespace hawser::dialect {

/// The usage of a JSON document that comes in pieces, wherever they are cut. It holds no more of it
/// than one name or the usage itself. An array is read as a list of such documents.
class UsageReader {
 public:
  void feed(std::string_view piece);
  const Usage& usage() const { return usage_; }

 private:
  enum class Name : std::uint8_t { none, usage, meta, holder, tier };

  const char* step(const char* at, const char* end);
  const char* string_end(const char* at, const char* end);
  const char* skip(const char* at, const char* end);
  void begin_string(const char* at);
  void end_string(const char* at);
  void open(const char* at);
  void close(const char* at);
  void keep(const char* until);
  std::string_view kept(const char* until);
  /// Whether the members of the container under way are looked at.
  bool watches() const {
    return base_ != 0 && (depth_ == base_ || (holder_ && depth_ == base_ + 1));
  }
  /// Whether what comes is deeper than anything that is looked at.
  bool skips() const { return base_ != 0 && depth_ > base_ && !watches(); }

  std::uint32_t depth_ = 0;
  std::uint32_t base_ = 0;  // depth of the document's own members; 0: it has not begun
  std::uint32_t captured_at_ = 0;
  Name name_ = Name::none;  // of the value that comes
  bool holder_ = false;     // within an object that may hold a usage
  bool expects_name_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool is_name_ = false;             // the string under way is a name that is looked at
  bool is_tier_ = false;             // it is the name of a tier
  bool capturing_ = false;           // the usage is under way
  bool of_meta_ = false;             // it is Cohere's
  const char* kept_from_ = nullptr;  // in the piece under way
  std::string token_{};              // the name or the usage, as far as earlier pieces had it
  Usage usage_{};
};

}  // namespace hawser::dialect
