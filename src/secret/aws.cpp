#include "secret/aws.hpp"

#include <stdexcept>

#include "base/base64.hpp"
#include "base/json.hpp"

namespace hawser::secret {
namespace {

constexpr std::string_view json_type = "application/x-amz-json-1.1";

std::string member(std::string_view name, std::string_view text) {
  std::string out;
  append_json_string(out, name);
  out += ":";
  append_json_string(out, text);
  return out;
}

std::string region_of(const AwsConfig& config, const config::Lookups& lookups) {
  std::string region = aws_region(config, lookups);
  if (region.empty()) throw std::runtime_error("aws.region is missing, and AWS_REGION is not set");
  return region;
}

/// Its word for what is wrong, never its message.
Error error_of(const Answer& answer) {
  std::string type = json_text(answer.body.reveal(), "__type").value_or("");
  if (const auto hash = type.rfind('#'); hash != std::string::npos) type.erase(0, hash + 1);
  if (const auto colon = type.find(':'); colon != std::string::npos) type.resize(colon);
  for (char& c : type) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!letter) c = ' ';
  }
  if (type.size() > 80) type.resize(80);
  Code code = answer.status >= 500 ? Code::upstream : Code::permission;
  if (type == "ResourceNotFoundException" || type == "NotFoundException") code = Code::not_found;
  if (type == "ThrottlingException") code = Code::rate_limit;
  if (type == "KeyUnavailableException" || type == "DependencyTimeoutException" ||
      type == "KMSInternalException") {
    code = Code::upstream;
  }
  Error error{.code = code, .message = "answered " + std::to_string(answer.status)};
  if (!type.empty()) error.message += ": " + type;
  error.status = answer.status;
  return error;
}

/// The identity may have ended before its time.
bool identity_refused(const Answer& answer) {
  if (answer.status != 400 && answer.status != 401 && answer.status != 403) return false;
  const std::string type = json_text(answer.body.reveal(), "__type").value_or("");
  return type.find("ExpiredToken") != std::string::npos ||
         type.find("UnrecognizedClient") != std::string::npos ||
         type.find("InvalidClientTokenId") != std::string::npos ||
         type.find("InvalidSignature") != std::string::npos;
}

}  // namespace

Aws::Aws(Loop& loop, std::shared_ptr<const AwsConfig> config, const config::Lookups& lookups)
    : owner_(std::move(config)),
      region_(region_of(config_, lookups)),
      identity_(loop, config_, lookups),
      kms_(loop, aws_endpoint(config_, lookups, "kms"), config_.tls, config_.way),
      secrets_manager_(loop, aws_endpoint(config_, lookups, "secretsmanager"), config_.tls,
                       config_.way) {}

Task<Result<Answer>> Aws::ask(Service& asked, const std::string& service, const std::string& target,
                              const std::string& body, Clock::time_point deadline) {
  const auto identity = co_await identity_.current(deadline);
  if (!identity) co_return identity.error();
  Question question;
  question.method = "POST";
  question.path = "/";
  question.content_type = json_type;
  question.body = Secret(std::string(body));
  const std::string path = asked.path_of("/");
  SigV4Request request;
  request.host = asked.host();
  request.path = path;
  request.body = body;
  request.fields.emplace_back("content-type", json_type);
  request.fields.emplace_back("x-amz-target", target);
  const SigV4Scope scope{region_, service};
  const Secret signed_fields =
      sign_v4(request, **identity, scope, std::chrono::system_clock::now());
  std::string fields = "x-amz-target: " + target + "\r\n";
  fields.append(signed_fields.reveal());
  question.fields = Secret(std::move(fields));
  co_return co_await asked.ask(std::move(question), deadline);
}

Task<Result<Secret>> Aws::call(const std::string& service, std::string target, std::string body,
                               Clock::time_point deadline) {
  Service& asked = service == "kms" ? kms_ : secrets_manager_;
  for (bool again = false;; again = true) {
    auto answer = co_await ask(asked, service, target, body, deadline);
    if (!answer) co_return answer.error();
    if (answer->status == 200) co_return std::move(answer->body);
    if (again || !identity_refused(*answer)) co_return error_of(*answer);
    identity_.forget();
  }
}

std::string KmsValues::context() const {
  std::string out;
  for (const auto& [name, value] : aws_->config().encryption_context) {
    out += (out.empty() ? "" : ",") + member(name, value);
  }
  return out.empty() ? out : ",\"EncryptionContext\":{" + out + "}";
}

Task<Result<Fetched>> KmsValues::fetch(std::string location, Clock::time_point deadline) {
  const auto hash = location.find('#');
  const std::string key = hash == std::string::npos ? "" : location.substr(0, hash);
  const std::string blob = hash == std::string::npos ? location : location.substr(hash + 1);
  std::string body = "{" + member("CiphertextBlob", blob);
  if (!key.empty()) body += "," + member("KeyId", key);
  body += context() + "}";
  const auto said = co_await aws_->call("kms", "TrentService.Decrypt", body, deadline);
  if (!said) co_return said.error();
  co_return plaintext_of(json_text(said->reveal(), "Plaintext"));
}

Task<Result<std::string>> KmsValues::new_key(std::string key_id, Clock::time_point deadline) {
  const std::string body =
      "{" + member("KeyId", key_id) + "," + member("KeySpec", "AES_256") + context() + "}";
  const auto said = co_await aws_->call("kms", "TrentService.GenerateDataKey", body, deadline);
  if (!said) co_return said.error();
  auto blob = json_text(said->reveal(), "CiphertextBlob");
  if (!blob) co_return malformed();
  co_return std::move(*blob);
}

Task<Result<Fetched>> SecretsManagerValues::fetch(std::string location,
                                                  Clock::time_point deadline) {
  const std::string body = "{" + member("SecretId", location) + "}";
  const auto said =
      co_await aws_->call("secretsmanager", "secretsmanager.GetSecretValue", body, deadline);
  if (!said) co_return said.error();
  Fetched fetched;
  if (auto text = json_text(said->reveal(), "SecretString")) {
    fetched.text = Secret(std::move(*text));
    co_return std::move(fetched);
  }
  auto encoded = json_text(said->reveal(), "SecretBinary");
  auto raw = encoded ? decode_base64(*encoded) : std::nullopt;
  if (!raw) co_return malformed();
  fetched.text = Secret(std::move(*raw));
  co_return std::move(fetched);
}

}  // namespace hawser::secret
