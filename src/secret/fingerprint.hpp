#pragma once

#include <openssl/evp.h>

#include <chrono>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/secret.hpp"
#include "config/fields.hpp"

namespace hawser::secret {

/// Tells configuration structs apart by all that their fields() name: a SHA-256, so that it holds
/// no secret that stands in one.
class Fingerprint {
 public:
  template <class T>
  static std::string of(const T& value) {
    Fingerprint print;
    print.add(const_cast<T&>(value));  // fields() has one form; nothing is changed here
    const Secret wiped(std::move(print.text_));
    std::string digest(32, '\0');
    EVP_Digest(wiped.reveal().data(), wiped.reveal().size(),
               reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(), nullptr);
    return digest;
  }

 private:
  void add(std::string& text) { append(text); }
  void append(const std::string& text) {
    text_.append(std::to_string(text.size())).append(":" + text);
  }
  void add(Secret& secret) {
    text_.append(std::to_string(secret.reveal().size())).append(":").append(secret.reveal());
  }
  void add(std::chrono::milliseconds& time) { append(std::to_string(time.count())); }
  template <class T>
  void add(std::optional<T>& value) {
    text_.push_back(value ? '+' : '-');
    if (value) add(*value);
  }
  template <class T>
  void add(std::vector<T>& list) {
    text_.append(std::to_string(list.size())).append("[");
    for (auto& each : list) add(each);
  }
  template <class A, class B>
  void add(std::pair<A, B>& both) {
    add(both.first);
    add(both.second);
  }
  template <class T>
  void add(T& value) {
    if constexpr (requires { value.fields([](auto&&...) {}); }) {
      value.fields(
          [&](std::string_view, auto& member, const auto&, std::string_view) { add(member); });
    } else {
      append(std::to_string(static_cast<std::int64_t>(value)));
    }
  }

  std::string text_;
};

}  // namespace hawser::secret
