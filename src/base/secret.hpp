#pragma once

#include <openssl/crypto.h>

#include <string>
#include <string_view>
#include <vector>

namespace hawser {

/// A credential. It has no operator<<, no fmt formatter, no conversion and no copy: the only way
/// out is `reveal()`, so `git grep -F '.reveal()'` lists every place that handles clear text.
class Secret {
 public:
  Secret() = default;
  /// Takes the text and wipes the string that it came in.
  explicit Secret(std::string&& text) : bytes_(text.begin(), text.end()) {
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
  }
  Secret(const Secret&) = delete;
  Secret(Secret&&) noexcept = default;
  Secret& operator=(const Secret&) = delete;
  Secret& operator=(Secret&& other) noexcept {
    bytes_.swap(other.bytes_);
    return *this;
  }
  ~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  bool empty() const { return bytes_.empty(); }
  std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;  // not a string: a moved short string leaves its bytes behind
};

}  // namespace hawser
