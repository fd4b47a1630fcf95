#include "provider/headers.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/credential_headers.hpp"
#include "base/name_table.hpp"
#include "wire/percent.hpp"

namespace hawser::provider {
namespace {

using wire::same_token;

bool begins(std::string_view name, std::string_view with) {
  return name.size() >= with.size() && same_letters(name.data(), with.data(), with.size());
}
bool ends(std::string_view name, std::string_view with) {
  return name.size() >= with.size() &&
         same_letters(name.data() + name.size() - with.size(), with.data(), with.size());
}

struct Rule {
  std::string_view name;
  Passing passing;
  bool accounts = true;  // of a family: names in it may choose an account
};
constexpr auto never = Passing::never;
constexpr auto listed = Passing::listed;
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
    // They choose another model, or a dearer service, than limits and prices see.
    {"azureml-model-deployment", listed},
    {"x-amzn-bedrock-service-tier", listed},
});

constexpr auto all_rules() {
  std::array<Rule, own_rules.size() + credential_headers.size()> all{};
  auto* end = std::copy(own_rules.begin(), own_rules.end(), all.data());
  for (const auto name : credential_headers) *end++ = {name, never};
  return all;
}
constexpr auto rules = caseless_names(all_rules());

/// Names that begin alike. The last one is the simulated provider's.
constexpr auto family_rules = std::to_array<Rule>({{"x-forwarded-", never},
                                                   {"x-hawser-", never},
                                                   {"sec-", never},
                                                   {"openai-", always},
                                                   {"anthropic-", always},
                                                   {"x-stainless-", always, false},
                                                   {"x-goog-", always},
                                                   {"x-amzn-bedrock-", always},
                                                   {"x-dashscope-", always},
                                                   {"x-grok-", always},
                                                   {"x-mistral-", always},
                                                   {"x-codex-", always},
                                                   {"x-sim-", always}});

/// Up to the first hyphen behind an "x-": by it a family is looked up.
constexpr std::string_view stem_of(std::string_view name) {
  return name.substr(0, name.size() < 2 ? 0 : name.find('-', 2) + 1);
}
struct Family {
  std::string_view name;  // the stem
  Rule rule;
};
constexpr auto families = [] {
  std::array<Family, family_rules.size()> all{};
  std::transform(family_rules.begin(), family_rules.end(), all.begin(), [](const Rule& rule) {
    return Family{stem_of(rule.name), rule};
  });
  return caseless_names(all);
}();

/// How it goes on within those families whose account is asked, which is the credential's affair
/// and not the client's.
constexpr std::array<std::string_view, 7> account_ends{
    "-organization", "-organization-id", "-project",     "-project-id",
    "-user-project", "-workspace",       "-workspace-id"};
/// What a proxy of Google's says of who was signed in.
constexpr std::array<std::string_view, 3> account_begins{"x-goog-authenticated-", "x-goog-iap-",
                                                         "x-goog-iam-"};

bool about_account(std::string_view name) {
  return std::any_of(account_ends.begin(), account_ends.end(),
                     [name](std::string_view end) { return ends(name, end); }) ||
         std::any_of(account_begins.begin(), account_begins.end(),
                     [name](std::string_view with) { return begins(name, with); });
}

constexpr auto kept_names =
    caseless_names(std::to_array<std::string_view>({"set-cookie",
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
                                                    "service-worker-allowed"}));

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
  const auto* family = families.find(stem_of(name));
  if (family == nullptr || !begins(name, family->rule.name)) return Passing::listed;
  const bool may =
      family->rule.passing == Passing::always && family->rule.accounts && about_account(name);
  return may ? Passing::listed : family->rule.passing;
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
  // Most say only what becomes of the connection, and name no field.
  any_ = std::any_of(fields.begin(), fields.end(), [](const wire::Field& field) {
    return same_token(field.name, "connection") && !same_token(field.value, "keep-alive") &&
           !same_token(field.value, "close");
  });
}

bool ConnectionNames::has(std::string_view name) const {
  return any_ && std::any_of(fields_.begin(), fields_.end(), [&](const wire::Field& field) {
           return same_token(field.name, "connection") && wire::list_has(field.value, name);
         });
}

bool stays_with_provider(std::string_view name) {
  return kept_names.has(name) || begins(name, "access-control-");
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
    if (at + 1 < tail.size() && tail[at + 1] != '.') continue;  // most segments
    auto segment = tail.substr(at + 1);
    segment = segment.substr(0, segment.find_first_of("/;"));
    if (segment == "." || segment == "..") return false;
  }
  return true;
}

}  // namespace hawser::provider
