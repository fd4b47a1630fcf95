#include "provider/provider.hpp"

#include <openssl/hmac.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "base/hex.hpp"
#include "base/keepalive.hpp"
#include "base/process_mark.hpp"
#include "base/random_bytes.hpp"
#include "provider/blot_out.hpp"
#include "wire/url.hpp"

namespace hawser::provider {
namespace {

using wire::same_token;

constexpr std::size_t secret_min = 6;  // bytes; less is a word

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// Copies fields that stand beside each other on the wire in one piece: most go on unchanged.
class FieldCopy {
 public:
  explicit FieldCopy(std::string& out) : out_(out) {}
  ~FieldCopy() { finish(); }
  FieldCopy(const FieldCopy&) = delete;
  FieldCopy& operator=(const FieldCopy&) = delete;

  void add(const wire::Field& field) {
    const bool as_we_write_it = field.value.data() == field.name.data() + field.name.size() + 2 &&
                                field.value.data()[-1] == ' ';
    if (!as_we_write_it) {
      finish();
      append_field(out_, field.name, field.value);
      return;
    }
    if (end_ == nullptr || field.name.data() != end_ + 2) {
      finish();
      begin_ = field.name.data();
    }
    end_ = field.value.data() + field.value.size();
  }
  void finish() {
    if (end_ == nullptr) return;
    out_.append(begin_, end_).append("\r\n");
    end_ = nullptr;
  }

 private:
  std::string& out_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

std::string field_of(Auth auth, std::string_view key) {
  std::string field;
  switch (auth) {
    case Auth::bearer:
      append_field(field, key_header::authorization, "Bearer " + std::string(key));
      break;
    case Auth::api_key:
      append_field(field, key_header::api_key, key);
      break;
    case Auth::x_api_key:
      append_field(field, key_header::x_api_key, key);
      break;
    case Auth::x_goog_api_key:
      append_field(field, key_header::x_goog_api_key, key);
      break;
    case Auth::none:
      break;
  }
  return field;
}

/// What a gateway says to a gateway that is its provider.
bool meant_for_gateways(std::string_view name) {
  return same_token(name, "x-hawser-data-class") || same_token(name, "x-hawser-residency") ||
         same_token(name, "x-hawser-replay");
}

/// What turns clients' idempotency names into ours. The same after a restart, and in every process
/// that shares the credential: repetitions may come to any of them.
Secret name_secret(const ProviderConfig& config) {
  if (config.api_key.empty()) {
    static const std::string random = random_bytes(32);
    return Secret(std::string(random));
  }
  return Secret("hawser idempotency names " + std::string(config.api_key.reveal()));
}

/// The gateways that the request came through, and this one: none of them is asked again.
/// @param before  "MARK, " of each
void append_hops(std::string_view before, std::string& out) {
  out.append(hop_field).append(": ").append(before).append(process_mark()).append("\r\n");
}

}  // namespace

Provider::Provider(std::string name, const ProviderConfig& config, std::string_view pseudonym,
                   const HeadersConfig& headers)
    : name_(std::move(name)), gateway_(config.gateway), timeouts_(config.timeouts) {
  const auto url = wire::parse_url(config.base_url);
  if (!url) throw std::runtime_error("provider " + name_ + ": base_url " + url.error().message);
  origin_ = net::origin_of(url->tls, url->host, url->port, config.tls, config.way);
  path_ = url->path;
  if (!config.api_version.empty()) query_ = "api-version=" + config.api_version;
  prefill_ = config.prefill;
  stream_usage_ = config.stream_usage;
  auth_ = config.auth;
  has_credential_ = auth_ != Auth::none && (!config.api_key.empty() || config.oauth);

  std::string fixed;
  append_field(fixed, "host", config.host.empty() ? url->authority() : config.host);
  append_field(fixed, "accept-encoding", "identity");  // policies read answers
  secrets_.emplace_back(std::string(config.api_key.reveal()));
  if (has_credential_ && !config.oauth) fixed += field_of(auth_, config.api_key.reveal());
  for (const auto& [field, value] : config.headers) {
    append_field(fixed, field, value);
    set_.push_back(field);
    // What clients may send, too, such as a version, is no secret.
    if (passing(field) != Passing::always) secrets_.emplace_back(std::string(value));
  }
  auto listed = headers.pass;
  listed.insert(listed.end(), config.pass_headers.begin(), config.pass_headers.end());
  pass_ = HeaderNames(listed);
  names_secret_ = name_secret(config);
  if (gateway_) {
    via_ = "1.1 " + std::string(pseudonym);
    append_field(fixed, "x-hawser-resumable", "1");  // we come back ourselves
    append_field(fixed, "x-hawser-heartbeat", std::to_string(Keepalive::period.count()));
    for (const char* const ours :
         {"x-hawser-resumable", "x-hawser-reattach", "x-hawser-heartbeat"}) {
      set_.push_back(ours);
    }
  }
  fixed_ = Secret(std::move(fixed));
}

Secret Provider::credential_field(std::string_view credential) const {
  return Secret(field_of(auth_, credential));
}

bool Provider::forwards(std::string_view name) const {
  switch (passing(name)) {
    case Passing::never:
      if (!gateway_ || !meant_for_gateways(name)) return false;
      break;
    case Passing::listed:
      if (!pass_.has(name)) return false;
      break;
    case Passing::always:
      break;
  }
  return std::none_of(set_.begin(), set_.end(),
                      [&](const std::string& set) { return same_token(set, name); });
}

void Provider::write_head(const Request& request, std::string& out) const {
  out.append(request.head.method).append(" ").append(path_).append(request.tail);
  if (!request.head.query.empty() || !query_.empty()) {
    const std::size_t mark = out.size();
    out.push_back('?');
    append_query(request.head.query, out);
    if (out.size() > mark + 1 && !query_.empty()) out.push_back('&');
    out.append(query_);
    if (out.size() == mark + 1) out.pop_back();
  }
  out.append(" HTTP/1.1\r\n").append(fixed_.reveal()).append(request.credential);
  const ConnectionNames ended(request.head.fields);
  std::string hops;
  bool named = false;
  FieldCopy copy(out);
  for (const auto& field : request.head.fields) {
    if (same_token(field.name, hop_field)) hops.append(field.value).append(", ");
    const bool names = same_token(field.name, "idempotency-key");
    named |= names && !field.value.empty();
    if (names && (gateway_ || !request.idempotency_name.empty())) continue;
    if (forwards(field.name) && !ended.has(field.name)) copy.add(field);
  }
  copy.finish();
  append_field(out, "x-request-id", request.request_id);
  append_hops(hops, out);
  if (gateway_) append_field(out, "via", via_);  // behind those of the hops before
  if (!request.idempotency_name.empty()) {
    append_field(out, "idempotency-key", request.idempotency_name);
  } else if (gateway_ && !named) {
    // By it a repeated request is known as the same, whatever became of the first.
    out.append("idempotency-key: ").append(via_, via_.find(' ') + 1).append("-");
    out.append(request.request_id).append("-");
    out.append(std::to_string(request.arrived.time_since_epoch().count())).append("\r\n");
  }
  if (request.framing == wire::Framing::chunked) {
    append_field(out, "transfer-encoding", "chunked");
  } else if (request.framing == wire::Framing::length) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, request.content_length).ptr;
    append_field(out, "content-length", {digits, static_cast<std::size_t>(end - digits)});
  }
  out.append("\r\n");
}

void Provider::hide_credential(std::string_view field, std::string& text) const {
  std::string_view changing = field.substr(std::min(field.find(": ") + 2, field.size()));
  if (field.empty()) changing = {};
  if (changing.ends_with("\r\n")) changing.remove_suffix(2);
  const auto hide = [&text](std::string_view secret) {
    for (const std::string_view scheme : {"Bearer ", "Basic "}) {
      if (secret.starts_with(scheme)) secret.remove_prefix(scheme.size());
    }
    if (secret.size() >= secret_min) blot_out(text, secret);
  };
  for (const Secret& secret : secrets_) hide(secret.reveal());
  hide(changing);
}

Result<> check_sendable(std::string_view method, std::string_view tail) {
  if (wire::served_method(method) && stays_below_base(tail)) return {};
  return Error{.code = Code::invalid_request,
               .message = "The method or the path is none that is passed on to a provider.",
               .client_may_retry = false};
}

/// Each part is preceded by its length: no two callers are joined by how their names are cut.
std::string Provider::idempotency_name(std::string_view tenant, std::string_view key,
                                       std::string_view value) const {
  if (value.empty() || (!gateway_ && tenant.empty() && key.empty())) return {};
  std::string text;
  for (const std::string_view part : {tenant, key, value}) {
    text.append(std::to_string(part.size())).append(":").append(part);
  }
  const std::string_view secret = names_secret_.reveal();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  return to_hex({reinterpret_cast<const char*>(digest), size});
}

namespace {

constexpr std::string_view hawser_prefix = "x-hawser-";

bool is_ours(std::string_view name) {
  return name.size() > hawser_prefix.size() &&
         same_token(name.substr(0, hawser_prefix.size()), hawser_prefix);
}

/// Whether a browser may run what is in the answer: all but the forms that APIs answer in.
bool may_be_a_page(const wire::ResponseHead& head) {
  const auto* type = head.find("content-type");
  if (type == nullptr) return true;
  const std::string_view media = type->value.substr(0, type->value.find(';'));
  for (const std::string_view plain : {"application/json", "text/event-stream"}) {
    if (same_token(media, plain)) return false;
  }
  return true;
}

/// x-ratelimit-*, anthropic-ratelimit-*, RateLimit, RateLimit-Policy (wire.md, 11).
bool tells_limits(std::string_view name) {
  const auto begins = [name](std::string_view with) {
    return name.size() >= with.size() && same_token(name.substr(0, with.size()), with);
  };
  return begins("x-ratelimit-") || begins("anthropic-ratelimit-") || begins("ratelimit");
}

}  // namespace

void copy_answer_fields(const wire::ResponseHead& head, bool limits, bool gateway,
                        std::string& out) {
  std::size_t size = 512;  // and room for what the gateway adds
  for (const auto& field : head.fields) size += field.name.size() + field.value.size() + 4;
  out.reserve(size);
  const ConnectionNames ended(head.fields);
  // A page of the provider's, or of a file there, is none of the gateway's own.
  if (may_be_a_page(head)) {
    append_field(out, "x-content-type-options", "nosniff");
    append_field(out, "content-security-policy", "sandbox; default-src 'none'");
  }
  FieldCopy copy(out);
  for (const auto& field : head.fields) {
    if (stays_with_provider(field.name) || wire::hop_by_hop(field.name)) continue;
    if (ended.has(field.name) || (!limits && tells_limits(field.name))) continue;
    if (same_token(field.name, "x-request-id") || same_token(field.name, "request-id")) {
      copy.finish();
      append_field(out, "x-hawser-upstream-request-id", field.value);
    } else if (is_ours(field.name)) {
      if (!gateway) continue;  // nobody else speaks for us
      copy.finish();
      if (!same_token(field.name, "x-hawser-error")) out.append("x-hawser-inner-");
      const bool error = same_token(field.name, "x-hawser-error");
      append_field(out, error ? field.name : field.name.substr(hawser_prefix.size()), field.value);
    } else {
      copy.add(field);
    }
  }
}

}  // namespace hawser::provider
