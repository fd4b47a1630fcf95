#include "credential.hpp"

#include <openssl/crypto.h>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "calls.hpp"

namespace hawser::sdk {
namespace {

constexpr std::size_t answer_max = 1024 * 1024;

/// application/x-www-form-urlencoded (RFC 6749, appendix B).
std::string encoded(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

}  // namespace

Credential::Credential(std::string key, OAuthOptions oauth, Dial dial)
    : key_(std::move(key)), oauth_(std::move(oauth)), dial_(std::move(dial)) {
  if (!oauth_.token_url.empty()) {
    OPENSSL_cleanse(key_.data(), key_.size());
    key_.clear();
    parse_url(oauth_.token_url);  // throws where it is malformed
  }
}

Credential::~Credential() {
  OPENSSL_cleanse(key_.data(), key_.size());
  OPENSSL_cleanse(oauth_.client_secret.data(), oauth_.client_secret.size());
}

Outcome<std::string> Credential::token(Clock::time_point deadline, const CancelToken* cancel) {
  const std::lock_guard lock(mutex_);  // one fetches, the others wait for it
  if (oauth_.token_url.empty() || Clock::now() < renew_at_) return key_;
  return fetch(deadline, cancel);
}

bool Credential::refused() {
  const std::lock_guard lock(mutex_);
  renew_at_ = {};
  return !oauth_.token_url.empty();
}

Outcome<std::string> Credential::fetch(Clock::time_point deadline, const CancelToken* cancel) {
  Connector connector(parse_url(oauth_.token_url), dial_);
  const Url& url = connector.url();
  auto opened = connector.open(true, deadline, cancel);
  if (opened.status != Io::ok) {
    return make_error(ErrorType::connection,
                      "the token server cannot be reached: " + opened.problem);
  }
  std::string body = "grant_type=client_credentials";
  if (!oauth_.scope.empty()) body += "&scope=" + encoded(oauth_.scope);
  std::string head =
      "POST " + (url.path.empty() ? "/" : url.path) + " HTTP/1.1\r\nHost: " + url.host;
  head += ":" + url.port + "\r\nAuthorization: Basic ";
  append_base64(head, encoded(oauth_.client_id) + ":" + encoded(oauth_.client_secret));
  head += "\r\nContent-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n";
  head += "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  Io status = opened.exchange->send(head, body, deadline);
  OPENSSL_cleanse(head.data(), head.size());
  if (status == Io::ok) status = opened.exchange->read_head("POST", deadline);
  std::string answer;
  for (bool done = false; status == Io::ok && !done && answer.size() < answer_max;) {
    status = opened.exchange->read_body(answer, done, deadline);
  }
  if (status != Io::ok)
    return make_error(ErrorType::connection, "the token server's answer broke off");
  auto token = json_text(answer, "access_token");
  const int code = opened.exchange->head().status;
  if (code != 200 || !token || token->empty()) {
    auto error = make_error(ErrorType::authentication, "the token server gave no token");
    error.status = code;
    error.code = json_text(answer, "error").value_or("");
    return error;
  }
  OPENSSL_cleanse(key_.data(), key_.size());
  key_ = std::move(*token);
  // Renewed before its end: a tenth of its life, at most a minute.
  const auto life = std::chrono::seconds(json_number(answer, "expires_in").value_or(3600));
  OPENSSL_cleanse(answer.data(), answer.size());
  renew_at_ =
      Clock::now() + life - std::min<std::chrono::seconds>(life / 10, std::chrono::seconds(60));
  return key_;
}

}  // namespace hawser::sdk
