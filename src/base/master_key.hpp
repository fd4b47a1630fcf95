#pragma once

#include <openssl/crypto.h>

#include <array>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace hawser {

/// 32 bytes that are a key; wiped when they go.
class KeyBytes {
 public:
  static constexpr std::size_t size = 32;
  KeyBytes() = default;
  KeyBytes(const KeyBytes&) = delete;
  KeyBytes(KeyBytes&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  KeyBytes& operator=(const KeyBytes&) = delete;
  KeyBytes& operator=(KeyBytes&&) = delete;
  ~KeyBytes() { wipe(); }

  unsigned char* data() { return bytes_.data(); }
  const unsigned char* data() const { return bytes_.data(); }
  std::string_view view() const { return {reinterpret_cast<const char*>(data()), size}; }

 private:
  void wipe() { OPENSSL_cleanse(bytes_.data(), size); }
  std::array<unsigned char, size> bytes_{};
};

/// The one key that an operator gives and keeps; never used itself, only to derive others.
class MasterKey {
 public:
  /// 64 hexadecimal digits or 32 bytes in base64; blanks and line ends around them do not count.
  /// Error: invalid_request, without a word of the text.
  static Result<MasterKey> parse(const Secret& text);

  /// A key for one purpose (HKDF-SHA256, RFC 5869). Purposes that differ give keys that tell
  /// nothing of each other. @param name  whose key it is, for example a tenant's
  KeyBytes derive(std::string_view purpose, std::string_view name = {}) const;

 private:
  KeyBytes bytes_;
};

}  // namespace hawser
