#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hawser::filter {

/// Pseudonyms of one conversation and the values behind them. For one thread at a time.
///
/// A pseudonym is a word that models copy faithfully: the label, '_' and letters and digits of
/// which the last checks the others ("EMAIL_7Q2XK"). It follows from key, label and value, so
/// that later turns of the conversation give the same one with no store in between.
class Vault {
 public:
  /// `key` is of the conversation; it also keys hashes.
  explicit Vault(std::string key) : key_(std::move(key)) {}

  /// The pseudonym of `value`. Two values never share one: the second gets a longer one.
  const std::string& pseudonym(std::string_view label, std::string_view value);
  /// "LABEL#" and 12 hexadecimal digits of HMAC-SHA256.
  std::string hash(std::string_view label, std::string_view value) const;

  /// The value behind a pseudonym that was given, in capital letters; null: there is none.
  const std::string* value_of(std::string_view pseudonym) const;
  /// Labels of the pseudonyms that were given.
  const std::vector<std::string>& labels() const { return labels_; }
  std::size_t size() const { return values_.size(); }

 private:
  std::string key_;
  std::unordered_map<std::string, std::string> pseudonyms_;  // by label, a zero byte and value
  std::unordered_map<std::string, std::string> values_;      // by pseudonym
  std::vector<std::string> labels_;
};

/// Letters and digits of pseudonyms: none is taken for another, no vowel makes a word.
inline constexpr std::string_view pseudonym_alphabet = "23456789BCDFGHJKLMNPQRSTVWXYZ";
inline constexpr std::size_t pseudonym_body_max = 16;
/// Whether `text` has the form of a pseudonym with a good check character.
bool is_pseudonym(std::string_view text);

}  // namespace hawser::filter
