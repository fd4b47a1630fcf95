#include "filter/restorer.hpp"

#include <algorithm>
#include <optional>

#include "base/plain_escapes.hpp"
#include "filter/character.hpp"

namespace hawser::filter {
namespace {

bool equal_any_case(std::string_view text, std::string_view capitals) {
  return std::equal(text.begin(), text.end(), capitals.begin(),
                    [](char a, char b) { return to_upper(a) == b; });
}

/// A place where a pseudonym may stand.
struct Candidate {
  std::size_t label_size = 0;  // with its '_'; 0: none stands here
  std::size_t body_size = 0;   // letters and digits behind it, at most what a pseudonym has
};

/// Nothing: what comes decides.
std::optional<Candidate> candidate_at(std::string_view text, bool ended, const Vault& vault) {
  for (const std::string& label : vault.labels()) {
    const std::size_t known = std::min(text.size(), label.size());
    if (!equal_any_case(text.substr(0, known), label)) continue;
    if (known == text.size()) {
      if (!ended) return std::nullopt;
      continue;
    }
    if (text[known] != '_') continue;
    const std::size_t start = known + 1;
    std::size_t size = 0;
    while (size < pseudonym_body_max && start + size < text.size() && in(alnum, text[start + size]))
      ++size;
    if (size < pseudonym_body_max && start + size == text.size() && !ended) return std::nullopt;
    return Candidate{start, size};
  }
  return Candidate{};
}

}  // namespace

void Restorer::feed(std::string_view piece, std::string& out) {
  if (held_.empty()) return scan(piece, false, out);
  const std::string text = std::move(held_.append(piece));
  held_.clear();
  scan(text, false, out);
}

void Restorer::flush(std::string& out) {
  const std::string text = std::move(held_);
  held_.clear();
  scan(text, true, out);
}

void Restorer::scan(std::string_view text, bool ended, std::string& out) {
  std::size_t sent = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (!in(upper | lower, text[at])) {
      ++at;
      continue;
    }
    const auto candidate = candidate_at(text.substr(at), ended, *vault_);
    if (!candidate) {
      out.append(text.substr(sent, at - sent));
      held_.assign(text.substr(at));
      return;
    }
    std::size_t size = 0;
    if (candidate->label_size > 0) {
      const std::size_t whole = candidate->label_size + candidate->body_size;
      if (const std::string* known = longest(text.substr(at, whole), candidate->label_size, size)) {
        ++restored_;
        out.append(text.substr(sent, at - sent));
        if (json_) {
          append_json_escaped(out, *known);
        } else {
          out.append(*known);
        }
        sent = at + size;
      }
    }
    at += std::max<std::size_t>(size, 1);
  }
  out.append(text.substr(sent));
}

/// The value of the longest pseudonym at the front: a model may write "EMAIL_7Q2XKs".
const std::string* Restorer::longest(std::string_view text, std::size_t label_size,
                                     std::size_t& size) {
  std::string capitals(text);
  for (char& c : capitals) c = to_upper(c);
  for (size = capitals.size(); size > label_size; --size) {
    const std::string* known = vault_->value_of(std::string_view(capitals).substr(0, size));
    if (known != nullptr) return known;
  }
  size = 0;
  unmatched_ += is_pseudonym(capitals);
  return nullptr;
}

}  // namespace hawser::filter
