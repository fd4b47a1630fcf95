#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "net/stream.hpp"

namespace hawser::stage::attempt {

/// A request as it goes out: its head, and its body with a few places replaced. Nothing is copied;
/// all of it is outlived by what it was made of.
class BodyParts {
 public:
  static constexpr std::size_t edits_max = (net::Stream::parts_max - 2) / 2;

  BodyParts(std::string_view head, std::string_view body) : head_(head), body_(body) {}
  /// The head is written once the length is known.
  void set_head(std::string_view head) { head_ = head; }

  /// In place of `size` bytes of the body at `at` stands `text`. Edits do not overlap.
  void replace(std::size_t at, std::size_t size, std::string_view text);
  /// Of the body as it goes out.
  std::uint64_t length() const;
  /// Views that live as long as this.
  std::span<const std::string_view> parts();

 private:
  struct Edit {
    std::size_t at = 0;
    std::size_t size = 0;
    std::string_view text{};
  };
  std::string_view head_;
  std::string_view body_;
  std::array<Edit, edits_max> edits_{};  // in the order of the body
  std::size_t edits_count_ = 0;
  std::array<std::string_view, net::Stream::parts_max> parts_{};
};

}  // namespace hawser::stage::attempt
