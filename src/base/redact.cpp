#include "base/redact.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/credential_headers.hpp"

namespace hawser {
namespace {

constexpr std::string_view mark = "[redacted]";

constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
// '*' and '.' too: providers echo rejected keys as "sk-ab***yz" or "sk-ab...yz".
constexpr bool in_key(char c) {
  return is_alnum(c) || c == '-' || c == '_' || c == '*' || c == '.' || c == '+' || c == '/' ||
         c == '=' || c == '~';
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool starts_with_any_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(),
                                                    [](char a, char b) { return a == lower(b); });
}

std::size_t key_run(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), in_key);
  auto size = static_cast<std::size_t>(end - text.begin());
  while (size > 0 && text[size - 1] == '.') --size;  // the full stop of a sentence
  return size;
}

/// A key that is told by how it begins.
struct Format {
  std::string_view prefix;
  std::size_t least;  // bytes behind the prefix: shorter ones are words
};
constexpr std::array formats{
    Format{"sk-", 8},      Format{"rk-", 16},     Format{"AIza", 20},
    Format{"AKIA", 12},    Format{"ASIA", 12},    Format{"ABSK", 16},
    Format{"ya29.", 16},   Format{"gsk_", 12},    Format{"xai-", 12},
    Format{"hf_", 16},     Format{"pplx-", 12},   Format{"r8_", 16},
    Format{"hwk_", 8},     Format{"csk-", 12},    Format{"tgp_v1_", 12},
    Format{"eyJ", 24},     Format{"hvs.", 12},    Format{"hvb.", 12},
    Format{"ghp_", 16},    Format{"gho_", 16},    Format{"ghu_", 16},
    Format{"ghs_", 16},    Format{"ghr_", 16},    Format{"github_pat_", 12},
    Format{"glpat-", 12},  Format{"nvapi-", 12},  Format{"bedrock-api-key-", 8},
    Format{"AQ.", 24},     Format{"fw_", 16},     Format{"sk_live_", 12},
    Format{"xoxb-", 12},   Format{"xoxp-", 12},   Format{"xapp-", 12},
    Format{"GOCSPX-", 12}, Format{"dop_v1_", 16}, Format{"npm_", 16},
};

std::optional<std::size_t> key_at(std::string_view text) {
  for (const Format& format : formats) {
    if (!text.starts_with(format.prefix)) continue;
    const std::size_t run = key_run(text);
    if (run >= format.prefix.size() + format.least) return run;
  }
  return std::nullopt;
}

/// Names whose value is a credential, beside those of clients' headers: in other headers, JSON
/// members, query strings and environments.
constexpr std::array<std::string_view, 19> other_names{"api_key",
                                                       "access_token",
                                                       "client_token",
                                                       "auth_token",
                                                       "id_token",
                                                       "bearer_token",
                                                       "client_secret",
                                                       "client_assertion",
                                                       "secret_access_key",
                                                       "secretaccesskey",
                                                       "aws_secret_access_key",
                                                       "aws_bearer_token_bedrock",
                                                       "session_token",
                                                       "refresh_token",
                                                       "password",
                                                       "x-vault-token",
                                                       "private_key",
                                                       "set-cookie",
                                                       "set-cookie2"};
constexpr auto names = [] {
  std::array<std::string_view, credential_headers.size() + other_names.size()> all{};
  std::copy(other_names.begin(), other_names.end(),
            std::copy(credential_headers.begin(), credential_headers.end(), all.begin()));
  return all;
}();

/// Parameters of a URL whose value grants access; elsewhere these words mean other things.
constexpr std::array<std::string_view, 6> parameters{"key",  "token",     "sig",
                                                     "code", "signature", "x-amz-signature"};

/// Behind a name: quotes, blanks and one ':' or '='; then where the value begins.
std::optional<std::size_t> value_start(std::string_view text) {
  std::size_t at = 0;
  bool separated = false;
  while (at < text.size() && at < 8) {
    const char c = text[at];
    if (c == ':' || c == '=') {
      if (separated) break;
      separated = true;
    } else if (c != ' ' && c != '"' && c != '\'' && c != '\\') {
      break;
    }
    ++at;
  }
  if (!separated) return std::nullopt;
  return at;
}

std::size_t value_size(std::string_view text, bool header) {
  const std::string_view ends = header ? "\r\n\"'\\" : "\r\n\"'\\&,; })";
  return std::min(text.find_first_of(ends), text.size());
}

struct Found {
  std::size_t begin = 0;  // of the credential, from the place that was looked at
  std::size_t size = 0;
};

std::optional<Found> named_at(std::string_view text) {
  for (const std::string_view name : names) {
    if (!starts_with_any_case(text, name)) continue;
    const auto start = value_start(text.substr(name.size()));
    if (!start) continue;
    const std::size_t begin = name.size() + *start;
    // "Authorization: Bearer x y": keys may hold blanks, so a header's value goes to its end.
    const bool header = name.ends_with(key_header::authorization) || name.starts_with("x-") ||
                        name.find("cookie") != std::string_view::npos;
    const std::size_t size = value_size(text.substr(begin), header);
    if (size == 0 || text.substr(begin).starts_with(mark)) continue;
    return Found{begin, size};
  }
  return std::nullopt;
}

std::optional<Found> bearer_at(std::string_view text) {
  constexpr std::string_view word = "bearer ";
  if (!starts_with_any_case(text, word)) return std::nullopt;
  const std::size_t run = key_run(text.substr(word.size()));
  if (run < 8) return std::nullopt;
  return Found{word.size(), run};
}

/// "?key=..." or "&key=...", to the end of the value: percent-encoded bytes are part of it.
std::optional<Found> key_parameter_at(std::string_view text) {
  for (const std::string_view name : parameters) {
    if (!starts_with_any_case(text.substr(1), name)) continue;
    const std::size_t begin = 1 + name.size() + 1;
    if (text.size() <= begin || text[begin - 1] != '=') continue;
    const std::string_view value = text.substr(begin);
    if (value.starts_with(mark)) continue;
    const std::size_t size = std::min(value.find_first_of("&# \t\r\n\"'\\<>)"), value.size());
    if (size > 0) return Found{begin, size};
  }
  return std::nullopt;
}

/// "://user:password@host"
std::optional<Found> url_password_at(std::string_view text) {
  if (!text.starts_with("://")) return std::nullopt;
  const auto end = std::min(text.find_first_of("/ \"'\r\n?#", 3), text.size());
  const auto at = text.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at <= 3 || text.substr(3).starts_with(mark)) {
    return std::nullopt;
  }
  return Found{3, at - 3};
}

std::optional<Found> pem_at(std::string_view text) {
  if (!text.starts_with("-----BEGIN ")) return std::nullopt;
  const auto line = text.substr(0, 64);
  if (line.find("PRIVATE KEY-----") == std::string_view::npos) return std::nullopt;
  constexpr std::string_view end_mark = "-----END ";
  const auto end = text.find(end_mark, 11);
  if (end == std::string_view::npos) return Found{0, text.size()};
  const auto dashes = text.find("-----", end + end_mark.size());
  return Found{0, dashes == std::string_view::npos ? text.size() : dashes + 5};
}

std::optional<Found> credential_at(std::string_view text, bool at_word) {
  if (text.front() == ':') return url_password_at(text);
  if (text.front() == '?' || text.front() == '&') return key_parameter_at(text);
  if (text.front() == '-') return pem_at(text);
  if (!at_word) return std::nullopt;
  if (const auto size = key_at(text)) return Found{0, *size};
  if (const auto named = named_at(text)) return named;
  return bearer_at(text);
}

}  // namespace

std::string redact(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const bool at_word = at == 0 || !is_alnum(text[at - 1]);
    const auto found = credential_at(text.substr(at), at_word);
    if (!found) {
      out.push_back(text[at++]);
      continue;
    }
    out.append(text.substr(at, found->begin)).append(mark);
    at += found->begin + found->size;
  }
  return out;
}

}  // namespace hawser
