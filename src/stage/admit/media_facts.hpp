#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/exchange.hpp"

namespace hawser::stage::admit {

/// The few members of a request for pictures, sound or a reranking that say how much it buys: of a
/// JSON body, or the plain fields of a form. Reads the body once for each; such requests are rare
/// beside what they cost.
class MediaFacts {
 public:
  explicit MediaFacts(const exchange::Request& request);

  /// Whether the body is at hand as a whole, and is JSON or a form.
  bool readable() const { return json_ || form_; }
  /// Of several fields the largest; nothing where there is none, or one that is no number.
  std::optional<std::uint64_t> number(std::string_view name) const;
  bool has(std::string_view name) const { return !values(name).empty(); }
  /// Whether several fields have the name: which of them counts is the provider's to say.
  bool has_several(std::string_view name) const { return values(name).size() > 1; }
  bool is_form() const { return form_; }
  /// Empty where there is none, cut at 64 bytes.
  std::string text(std::string_view name) const;
  /// Unicode characters of a text; of a list, those of its texts. Without one of that name, all.
  std::uint64_t characters(std::string_view name) const;
  /// In a list of them, or a list of such lists; 0: it begins with something else.
  std::uint64_t numbers(std::string_view name) const;
  /// Of the one sound in a form, where its header tells it.
  std::optional<std::uint64_t> wav_length_ms() const;
  /// Of a list.
  std::uint64_t elements(std::string_view name) const;

 private:
  /// As they stand in the body.
  std::vector<std::string_view> values(std::string_view name) const;
  /// The first; empty: there is none.
  std::string_view value(std::string_view name) const;

  std::string_view body_;
  std::string boundary_{};
  bool json_ = false;
  bool form_ = false;
};

/// The length of a RIFF/WAVE sound by its own header, which decoders go by too; nothing: it is
/// none, or its header makes no sense.
std::optional<std::uint64_t> wav_length_ms(std::string_view sound);

}  // namespace hawser::stage::admit
