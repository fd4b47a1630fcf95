#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "exchange/exchange.hpp"
#include "provider/passed_fields.hpp"
#include "stage/cache/config.hpp"

namespace hawser::stage::cache {

/// HMAC-SHA256 under a secret of this gateway: nobody can guess what is in the cache from a key.
using Key = std::array<unsigned char, 32>;
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::size_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

/// The part of a key that the request gives: its canonical body, less what changes nothing in the
/// answer. Everything else counts, known to us or not. Nothing: the body has no canonical form.
/// @param format  answers of the Responses API repeat what was asked, whose user it is for too
std::optional<std::string> canonical_request(std::string_view body, dialect::AnswerFormat format);

/// Whether a member that is not in the key may be why a provider refuses the request: its error is
/// no answer to others that lack it.
/// @param canonical  its canonical_request
bool holds_more_than_its_key(std::string_view body, std::string_view canonical);

using PassedFieldsPtr = std::shared_ptr<const provider::PassedFields>;

/// What a request asks for.
struct Asking {
  std::string_view canonical{};  // of canonical_request
  const provider::PassedFields& passed;
};
/// @param target  that answers, or is meant to
Key key_of(const exchange::Exchange& exchange, const Asking& asking, Scope scope,
           const exchange::Target& target, std::string_view secret);

}  // namespace hawser::stage::cache
