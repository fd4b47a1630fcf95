#include "filter/vault.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace hawser::filter {
namespace {

constexpr std::size_t least_body = 4;
static_assert(pseudonym_alphabet.size() == 29);  // a prime: no slip of one character adds up

std::array<unsigned char, 32> hmac(std::string_view key, std::string_view label,
                                   std::string_view value) {
  std::string text(label);
  text.push_back('\0');
  text.append(value);
  std::array<unsigned char, 32> digest{};
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), nullptr);
  return digest;
}

/// Characters of `digest`, then one that checks them: a slip of one is seen.
std::string body_of(const std::array<unsigned char, 32>& digest, std::size_t size) {
  constexpr std::size_t base = pseudonym_alphabet.size();
  std::string body;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t number = (digest.at(2 * i) * 256u + digest.at(2 * i + 1)) % base;
    body.push_back(pseudonym_alphabet[number]);
    sum += number * (i + 1);
  }
  body.push_back(pseudonym_alphabet[sum % base]);
  return body;
}

}  // namespace

bool is_pseudonym(std::string_view text) {
  const std::string_view body = text.substr(std::min(text.size(), text.rfind('_') + 1));
  if (body.size() <= least_body || body.size() > pseudonym_body_max) return false;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const std::size_t number = pseudonym_alphabet.find(body[i]);
    if (number == std::string_view::npos) return false;
    if (i + 1 == body.size()) return number == sum % pseudonym_alphabet.size();
    sum += number * (i + 1);
  }
  return false;
}

const std::string& Vault::pseudonym(std::string_view label, std::string_view value) {
  std::string id(label);
  id.push_back('\0');
  id.append(value);
  if (const auto known = pseudonyms_.find(id); known != pseudonyms_.end()) return known->second;
  const auto digest = hmac(key_, label, value);
  std::string word;
  for (std::size_t size = least_body; size < pseudonym_body_max; ++size) {
    word = std::string(label) + '_' + body_of(digest, size);
    if (values_.try_emplace(word, value).second) break;
  }
  if (std::find(labels_.begin(), labels_.end(), label) == labels_.end()) {
    labels_.emplace_back(label);
  }
  return pseudonyms_.emplace(std::move(id), std::move(word)).first->second;
}

std::string Vault::hash(std::string_view label, std::string_view value) const {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto digest = hmac(key_, label, value);
  std::string out(label);
  out.push_back('#');
  for (std::size_t i = 0; i < 6; ++i) {
    out.push_back(digits[digest.at(i) >> 4]);
    out.push_back(digits[digest.at(i) & 15]);
  }
  return out;
}

const std::string* Vault::value_of(std::string_view pseudonym) const {
  const auto found = values_.find(std::string(pseudonym));
  return found == values_.end() ? nullptr : &found->second;
}

}  // namespace hawser::filter
