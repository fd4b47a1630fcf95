#include "provider/provider.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "base/keepalive.hpp"
#include "wire/url.hpp"

namespace hawser::provider {
namespace {

using wire::same_token;

/// Fields that the gateway sets itself, or that only the hop to us was meant for.
bool ours_to_set(std::string_view name) {
  switch (name.size()) {
    case 4:
      return same_token(name, "host");
    case 6:
      return same_token(name, "expect");
    case 7:
      return same_token(name, "api-key");
    case 9:
      return same_token(name, "x-api-key");
    case 12:
      return same_token(name, "x-request-id");
    case 13:
      return same_token(name, "authorization");
    case 14:
      return same_token(name, "content-length") || same_token(name, "x-goog-api-key");
    default:
      return false;
  }
}

/// Fields of an answer that hold for the provider's connection or host, not for ours.
bool ends_with_provider(std::string_view name) {
  switch (name.size()) {
    case 7:
      return same_token(name, "alt-svc");
    case 14:
      return same_token(name, "content-length");
    case 25:
      return same_token(name, "strict-transport-security");
    default:
      return false;
  }
}

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

std::string_view connection_of(const std::vector<wire::Field>& fields) {
  for (const auto& field : fields) {
    if (same_token(field.name, "connection")) return field.value;
  }
  return {};
}

/// Whether a Connection field names this one (RFC 9110, 7.6.1).
bool named_by(std::string_view connection, std::string_view name) {
  return !connection.empty() && wire::list_has(connection, name);
}

std::string field_of(Auth auth, std::string_view key) {
  std::string field;
  switch (auth) {
    case Auth::bearer:
      append_field(field, "authorization", "Bearer " + std::string(key));
      break;
    case Auth::api_key:
      append_field(field, "api-key", key);
      break;
    case Auth::x_api_key:
      append_field(field, "x-api-key", key);
      break;
    case Auth::x_goog_api_key:
      append_field(field, "x-goog-api-key", key);
      break;
    case Auth::none:
      break;
  }
  return field;
}

}  // namespace

Provider::Provider(std::string name, const ProviderConfig& config, std::string_view pseudonym)
    : name_(std::move(name)), gateway_(config.gateway) {
  const auto url = wire::parse_url(config.base_url);
  if (!url) throw std::runtime_error("provider " + name_ + ": base_url " + url.error().message);
  origin_ = net::origin_of(url->tls, url->host, url->port, config.tls, config.way);
  path_ = url->path;
  if (!config.api_version.empty()) query_ = "api-version=" + config.api_version;
  prefill_ = config.prefill;
  auth_ = config.auth;
  has_credential_ = auth_ != Auth::none && (!config.api_key.empty() || config.oauth);

  std::string fixed;
  append_field(fixed, "host", config.host.empty() ? url->authority() : config.host);
  if (has_credential_ && !config.oauth) fixed += field_of(auth_, config.api_key.reveal());
  for (const auto& [field, value] : config.headers) {
    append_field(fixed, field, value);
    set_.push_back(field);
  }
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

bool Provider::forwards(const wire::Field& field, std::string_view connection) const {
  if (ours_to_set(field.name) || wire::hop_by_hop(field.name)) return false;
  if (named_by(connection, field.name)) return false;
  return std::none_of(set_.begin(), set_.end(),
                      [&](const std::string& name) { return same_token(name, field.name); });
}

void Provider::write_head(const Request& request, std::string& out) const {
  out.append(request.head.method).append(" ").append(path_).append(request.tail);
  if (!request.head.query.empty() || !query_.empty()) {
    const bool both = !request.head.query.empty() && !query_.empty();
    out.append("?").append(request.head.query).append(both ? "&" : "").append(query_);
  }
  out.append(" HTTP/1.1\r\n").append(fixed_.reveal()).append(request.credential);
  const std::string_view connection = connection_of(request.head.fields);
  FieldCopy copy(out);
  for (const auto& field : request.head.fields) {
    if (forwards(field, connection)) copy.add(field);
  }
  copy.finish();
  append_field(out, "x-request-id", request.request_id);
  if (gateway_) append_field(out, "via", via_);  // behind those of the hops before
  // By it a repeated request is known as the same, whatever became of the first.
  if (gateway_ && request.head.find("idempotency-key") == nullptr) {
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

namespace {

constexpr std::string_view hawser_prefix = "x-hawser-";

bool is_inner(std::string_view name) {
  return name.size() > hawser_prefix.size() &&
         same_token(name.substr(0, hawser_prefix.size()), hawser_prefix) &&
         !same_token(name, "x-hawser-error");
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
  const std::string_view connection = connection_of(head.fields);
  FieldCopy copy(out);
  for (const auto& field : head.fields) {
    if (ends_with_provider(field.name) || wire::hop_by_hop(field.name)) continue;
    if (named_by(connection, field.name)) continue;
    if (!limits && tells_limits(field.name)) continue;
    if (same_token(field.name, "x-request-id") || same_token(field.name, "request-id")) {
      copy.finish();
      append_field(out, "x-hawser-upstream-request-id", field.value);
    } else if (gateway && is_inner(field.name)) {
      copy.finish();
      out.append("x-hawser-inner-");
      append_field(out, field.name.substr(hawser_prefix.size()), field.value);
    } else {
      copy.add(field);
    }
  }
}

}  // namespace hawser::provider
