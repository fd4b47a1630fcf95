#include "front/http/web_access.hpp"

#include <algorithm>

namespace hawser::front::http {
namespace {

/// Takes what a field says of the page; others are left alone.
void take(std::string_view name, std::string_view value, WebCaller& caller) {
  if (wire::same_token(name, "origin")) {
    caller.several_origins = caller.has_origin;
    caller.has_origin = true;
    caller.origin = value;
  } else if (wire::same_token(name, "sec-fetch-site")) {
    caller.site = value;
  } else if (wire::same_token(name, "sec-fetch-mode")) {
    caller.mode = value;
  }
}

Error error_of(WebVerdict verdict, const WebCaller& caller) {
  Error error{.code = Code::permission};
  if (verdict == WebVerdict::foreign_host) {
    error.message =
        "This address is not served under the name that was asked for: list it under "
        "listen[].hosts, or use keys.";
    error.param = "host";
  } else if (caller.has_origin) {
    error.message =
        "Pages of this origin may not use the gateway: list it under "
        "listen[].cors.origins.";
    error.param = "origin";
  } else {
    error.message = "Another site's page may not make requests here.";
    error.param = "sec-fetch-site";
  }
  error.client_may_retry = false;
  return error;
}

}  // namespace

WebAccess::WebAccess(const ListenConfig& listen, bool keyless)
    : keyless_(keyless), hosts_(listen.hosts), cors_(listen.cors) {}

std::optional<Error> WebAccess::refusal_of(WebCaller caller, bool certificate) const {
  WebRules rules;
  rules.hosts = hosts_;
  if (cors_) rules.origins = cors_->origins;
  rules.check_host = keyless_ && !certificate;  // with one TLS verified the name
  const auto verdict = judge(caller, rules);
  if (verdict == WebVerdict::served) return std::nullopt;
  return error_of(verdict, caller);
}

std::optional<Error> WebAccess::refusal(const wire::RequestHead& head, bool certificate) const {
  if (!keyless_ && !certificate) return std::nullopt;  // a key is needed: pages have none
  WebCaller caller{.method = head.method, .host = head.host};
  for (const auto& field : head.fields) take(field.name, field.value, caller);
  return refusal_of(caller, certificate);
}

std::optional<Error> WebAccess::refusal(const h2::RequestHead& head, bool certificate) const {
  if (!keyless_ && !certificate) return std::nullopt;
  WebCaller caller{.method = head.method, .host = head.authority};
  for (const auto& field : head.fields) {
    if (field.name == "host" && caller.host.empty()) caller.host = field.value;
    take(field.name, field.value, caller);
  }
  return refusal_of(caller, certificate);
}

bool WebAccess::is_preflight(const wire::RequestHead& head) {
  return head.method == "OPTIONS" && head.find("origin") != nullptr &&
         head.find("access-control-request-method") != nullptr;
}

bool WebAccess::grants(const wire::RequestHead& preflight) const {
  const auto* origin = preflight.find("origin");
  return cors_ && origin != nullptr && trusted_origin(origin->value, cors_->origins);
}

void WebAccess::append_cors_fields(const wire::RequestHead& head, std::string& fields) const {
  fields.append("Vary: Origin\r\n");
  const auto* origin = head.find("origin");
  if (origin == nullptr || !trusted_origin(origin->value, cors_->origins)) return;
  fields.append("Access-Control-Allow-Origin: ").append(origin->value).append("\r\n");
  fields.append("Access-Control-Expose-Headers: *\r\n");
}

void WebAccess::append_preflight(const wire::RequestHead& preflight, std::string& fields) const {
  // Access-Control-Allow-Origin and Vary stand on every answer.
  fields.append("Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n");
  std::string names;
  for (const auto& name : cors_->headers) names.append(names.empty() ? "" : ", ").append(name);
  if (!names.empty()) {
    fields.append("Access-Control-Allow-Headers: ").append(names).append("\r\n");
  }
  const auto age = std::chrono::floor<std::chrono::seconds>(cors_->max_age).count();
  fields.append("Access-Control-Max-Age: ").append(std::to_string(age)).append("\r\n");
  if (preflight.find("access-control-request-private-network") != nullptr) {
    fields.append("Access-Control-Allow-Private-Network: true\r\n");
  }
}

}  // namespace hawser::front::http
