#include "provider/headers.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/credential_headers.hpp"
#include "wire/percent.hpp"

namespace hawser::provider {
namespace {

using wire::same_token;

/// Whether they may be the same letter: most names differ in one, and need no look at the others.
bool alike(char a, char b) {
  return (a | 0x20) == (b | 0x20);
}
bool begins(std::string_view name, std::string_view with) {
  return name.size() >= with.size() && alike(name.front(), with.front()) &&
         same_token(name.substr(0, with.size()), with);
}
bool ends(std::string_view name, std::string_view with) {
  return name.size() >= with.size() && alike(name.back(), with.back()) &&
         same_token(name.substr(name.size() - with.size()), with);
}

struct Rule {
  std::string_view name;
  Passing passing;
};
constexpr auto never = Passing::never;
constexpr auto always = Passing::always;

constexpr auto own_rules = std::to_array<Rule>({
    // Of this hop, or of the gateway's to set.
    {"host", never},
    {"expect", never},
    {"content-length", never},
    {"x-request-id", never},
    {"request-id", never},
    {"accept-encoding", never},
    // Where a client came from.
    {"forwarded", never},
    {"x-real-ip", never},
    {"x-client-ip", never},
    {"true-client-ip", never},
    {"cf-connecting-ip", never},
    {"x-cluster-client-ip", never},
    {"origin", never},
    {"referer", never},
    // What makes a server take the request for another one.
    {"x-original-url", never},
    {"x-rewrite-url", never},
    {"x-original-host", never},
    {"x-http-method-override", never},
    {"x-http-method", never},
    {"x-method-override", never},
    // Content, negotiation and conditions of HTTP.
    {"accept", always},
    {"accept-language", always},
    {"user-agent", always},
    {"content-type", always},
    {"content-encoding", always},
    {"content-language", always},
    {"content-md5", always},
    {"content-digest", always},
    {"digest", always},
    {"range", always},
    {"if-match", always},
    {"if-none-match", always},
    {"if-range", always},
    {"if-modified-since", always},
    {"if-unmodified-since", always},
    {"prefer", always},
    {"cache-control", always},
    {"pragma", always},
    {"via", always},
    {"last-event-id", always},  // where a stream of events is to go on
    // Tracing, repetition, versions, and what SDKs and agents call themselves.
    {"traceparent", always},
    {"tracestate", always},
    {"idempotency-key", always},
    {"x-client-request-id", always},
    {"api-version", always},
    {"x-api-version", always},
    {"x-app", always},
    {"x-title", always},
    {"originator", always},
    {"session_id", always},
    {"conversation_id", always},
    {"x-wait-for-model", always},
    {"x-ms-client-request-id", always},
    {"azureml-model-deployment", always},
});

constexpr std::size_t rules_count = own_rules.size() + credential_headers.size();

/// All rules by the length of their names: a field is compared with few of them.
struct Rules {
  std::array<Rule, rules_count> all{};
  std::array<std::uint8_t, 34> begin{};  // of those of a length; where the next ones begin

  constexpr Rules() {
    auto* end = std::copy(own_rules.begin(), own_rules.end(), all.data());
    for (const auto name : credential_headers) *end++ = {name, never};
    std::sort(all.begin(), all.end(),
              [](const Rule& a, const Rule& b) { return a.name.size() < b.name.size(); });
    for (std::size_t size = 0, at = 0; size < begin.size(); ++size) {
      while (at < all.size() && all[at].name.size() < size) ++at;
      begin[size] = static_cast<std::uint8_t>(at);
    }
  }
  const Rule* find(std::string_view name) const {
    if (name.size() + 1 >= begin.size()) return nullptr;
    for (std::size_t at = begin[name.size()]; at < begin[name.size() + 1]; ++at) {
      if (is_header(name, all[at].name)) return &all[at];
    }
    return nullptr;
  }
};
constexpr Rules rules;

constexpr std::array<std::string_view, 3> never_families{"x-forwarded-", "x-hawser-", "sec-"};

/// The last one is the simulated provider's.
constexpr std::array<std::string_view, 10> always_families{
    "openai-",      "anthropic-", "x-stainless-", "x-goog-",  "x-amzn-bedrock-",
    "x-dashscope-", "x-grok-",    "x-mistral-",   "x-codex-", "x-sim-"};

/// Whose account is asked, within those families: it goes with the credential, which is not the
/// client's. And what a proxy of Google's says of who was signed in.
bool about_account(std::string_view name) {
  for (const std::string_view end : {"-organization", "-organization-id", "-project", "-project-id",
                                     "-user-project", "-workspace", "-workspace-id"}) {
    if (ends(name, end)) return true;
  }
  return begins(name, "x-goog-authenticated-") || begins(name, "x-goog-iap-") ||
         begins(name, "x-goog-iam-");
}

constexpr std::array<std::string_view, 20> kept_names{"set-cookie",
                                                      "set-cookie2",
                                                      "server",
                                                      "x-powered-by",
                                                      "alt-svc",
                                                      "content-length",
                                                      "strict-transport-security",
                                                      "public-key-pins",
                                                      "expect-ct",
                                                      "clear-site-data",
                                                      "content-security-policy",
                                                      "permissions-policy",
                                                      "referrer-policy",
                                                      "x-frame-options",
                                                      "x-xss-protection",
                                                      "nel",
                                                      "report-to",
                                                      "reporting-endpoints",
                                                      "timing-allow-origin",
                                                      "service-worker-allowed"};

/// The byte that "%XX" at the front of `text` stands for; -1: it is none.
int escaped(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const auto byte = wire::percent_decoded(text.substr(0, 3));
  return byte ? static_cast<unsigned char>(byte->front()) : -1;
}

/// Whether a server may take the byte for something else than a letter of a name.
bool divides(int byte) {
  return byte < 0x20 || byte == '/' || byte == '\\' || byte == '.' || byte == ';' || byte == 0x7f;
}

}  // namespace

Passing passing(std::string_view name) {
  if (const auto* rule = rules.find(name)) return rule->passing;
  if (wire::hop_by_hop(name)) return Passing::never;
  for (const auto family : never_families) {
    if (begins(name, family)) return Passing::never;
  }
  for (const auto family : always_families) {
    if (begins(name, family)) return about_account(name) ? Passing::listed : Passing::always;
  }
  return Passing::listed;
}

HeaderNames::HeaderNames(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name.ends_with('*')) {
      prefixes_.push_back(name.substr(0, name.size() - 1));
    } else {
      exact_.push_back(name);
    }
  }
}

bool HeaderNames::has(std::string_view name) const {
  return std::any_of(exact_.begin(), exact_.end(),
                     [name](const std::string& one) { return same_token(name, one); }) ||
         std::any_of(prefixes_.begin(), prefixes_.end(),
                     [name](const std::string& one) { return begins(name, one); });
}

std::string_view listing_problem(std::string_view name) {
  const bool family = name.ends_with('*');
  if (family) name.remove_suffix(1);
  const bool token = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'+-.^_`|~").find(c) != std::string_view::npos;
  });
  if (name.empty() || !token) return "must be the name of a header, or the beginning of one and *";
  if (!family && passing(name) == Passing::never) {
    return "is never passed on: it carries a credential, tells where a client came from, or is "
           "set by the gateway";
  }
  return {};
}

ConnectionNames::ConnectionNames(const std::vector<wire::Field>& fields) : fields_(fields) {
  any_ = std::any_of(fields.begin(), fields.end(),
                     [](const wire::Field& field) { return same_token(field.name, "connection"); });
}

bool ConnectionNames::has(std::string_view name) const {
  constexpr std::string_view connection = "connection";
  return any_ && std::any_of(fields_.begin(), fields_.end(), [&](const wire::Field& field) {
           return field.name.size() == connection.size() && field.value.size() >= name.size() &&
                  same_token(field.name, connection) && wire::list_has(field.value, name);
         });
}

bool stays_with_provider(std::string_view name) {
  return begins(name, "access-control-") ||
         std::any_of(kept_names.begin(), kept_names.end(),
                     [name](std::string_view one) { return is_header(name, one); });
}

void append_query(std::string_view query, std::string& out) {
  bool first = true;
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    std::string name;
    for (std::string_view rest = part.substr(0, part.find('=')); !rest.empty();) {
      const int byte = escaped(rest);
      name.push_back(byte < 0 ? rest.front() : static_cast<char>(byte));
      rest.remove_prefix(byte < 0 ? 1 : 3);
    }
    if (is_credential_parameter(name)) continue;
    if (!std::exchange(first, false)) out.push_back('&');
    out.append(part);
  }
}

bool stays_below_base(std::string_view tail) {
  if (!tail.empty() && tail.front() != '/') return false;
  for (std::size_t at = 0; at < tail.size(); ++at) {
    const char c = tail[at];
    if (c == '\\' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
    if (c == '%') {
      const int byte = escaped(tail.substr(at));
      if (byte < 0 || divides(byte)) return false;
      // Who decodes twice: "%252e".
      if (byte == '%' && at + 5 <= tail.size()) {
        const std::string again = "%" + std::string(tail.substr(at + 3, 2));
        const int second = escaped(again);
        if (second >= 0 && divides(second)) return false;
      }
    }
    if (c != '/') continue;
    auto segment = tail.substr(at + 1);
    segment = segment.substr(0, segment.find_first_of("/;"));
    if (segment == "." || segment == "..") return false;
  }
  return true;
}

}  // namespace hawser::provider
