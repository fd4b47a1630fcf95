#include "secret/oauth.hpp"

#include "base/base64.hpp"
#include "base/json.hpp"
#include "wire/http1.hpp"

namespace hawser::secret {
namespace {

constexpr auto assumed_life = 10min;  // of a token whose life is not told

std::string form_encoded(std::string_view text) {
  std::string out;
  append_form(out, "", text);
  return out.substr(1);
}

/// RFC 6749, 5.2: one of its words, or a server's own; nothing that could carry more.
std::string word_of(std::string_view body) {
  std::string word = json_text(body, "error").value_or("");
  for (const char c : word) {
    const bool plain = (c >= 'a' && c <= 'z') || c == '_' || c == '-' || (c >= 'A' && c <= 'Z');
    if (!plain || word.size() > 60) return {};
  }
  return word;
}

}  // namespace

Result<Fetched> read_token(int status, std::string_view body) {
  if (status != 200) {
    Error error{.code = status >= 500 ? Code::upstream : Code::permission,
                .message = "answered " + std::to_string(status)};
    error.status = status;
    const std::string word = word_of(body);
    if (!word.empty()) error.message += ": " + word;
    return error;
  }
  Fetched fetched;
  auto token = json_text(body, "access_token");
  const std::string type = json_text(body, "token_type").value_or("");
  const bool sendable =
      token && !token->empty() &&
      std::all_of(token->begin(), token->end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!sendable) return Error{.code = Code::upstream, .message = "answered without a token"};
  fetched.text = Secret(std::move(*token));
  if (!wire::same_token(type, "bearer")) {
    return Error{.code = Code::upstream, .message = "gives no bearer tokens"};
  }
  // Some servers write the number as text.
  auto life = json_number(body, "expires_in");
  if (!life) {
    const std::string text = json_text(body, "expires_in").value_or("");
    if (!text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == text.npos) {
      life = std::stoull(text);
    }
  }
  fetched.lease = life ? std::chrono::seconds(std::min<std::uint64_t>(*life, 365 * 86'400))
                       : milliseconds(assumed_life);
  if (fetched.lease <= 0ms) return Error{.code = Code::upstream, .message = "gave a dead token"};
  return fetched;
}

OAuthTokens::OAuthTokens(Loop& loop, std::shared_ptr<const OAuthConfig> config)
    : config_(std::move(config)), service_(loop, config_->token_url, config_->tls, config_->way) {}

Result<Question> OAuthTokens::question() const {
  Question question;
  question.method = "POST";
  question.content_type = "application/x-www-form-urlencoded";
  std::string fields = "accept: application/json\r\n";
  std::string form;
  append_form(form, "grant_type", "client_credentials");
  if (!config_->assertion_file.empty()) {
    const auto assertion = read_token_file(config_->assertion_file);
    if (!assertion) return assertion.error();
    append_form(form, "client_id", config_->client_id);
    append_form(form, "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    append_form(form, "client_assertion", assertion->reveal());
  } else if (config_->client_auth == ClientProof::body) {
    append_form(form, "client_id", config_->client_id);
    append_form(form, "client_secret", config_->client_secret.reveal());
  } else {
    const Secret both(form_encoded(config_->client_id) + ":" +
                      form_encoded(config_->client_secret.reveal()));
    fields += "authorization: Basic ";
    append_base64(fields, both.reveal());
    fields += "\r\n";
  }
  if (!config_->scope.empty()) append_form(form, "scope", config_->scope);
  if (!config_->audience.empty()) append_form(form, "audience", config_->audience);
  question.fields = Secret(std::move(fields));
  question.body = Secret(std::move(form));
  return question;
}

Task<Result<Fetched>> OAuthTokens::fetch(std::string, Clock::time_point deadline) {
  auto asked = question();
  if (!asked) co_return asked.error();
  const auto begun = Clock::now();
  const auto answer = co_await service_.ask(std::move(*asked), deadline);
  if (!answer) co_return answer.error();
  auto fetched = read_token(answer->status, answer->body.reveal());
  // It lives from before it was on its way.
  if (fetched) {
    fetched->lease -= std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
    fetched->lease = std::max(fetched->lease, milliseconds(1));
  }
  co_return fetched;
}

}  // namespace hawser::secret
