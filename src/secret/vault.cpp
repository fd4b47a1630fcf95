#include "secret/vault.hpp"

#include "base/json.hpp"
#include "base/redact.hpp"

namespace hawser::secret {
namespace {

constexpr auto pod_token = "/var/run/secrets/kubernetes.io/serviceaccount/token";

std::string member(std::string_view name, std::string_view text) {
  std::string out;
  append_json_string(out, name);
  out += ":";
  append_json_string(out, text);
  return out;
}

/// The first of its errors, which hold no values; cut short.
Error error_of(const Answer& answer) {
  Code code = Code::upstream;
  if (answer.status == 400) code = Code::invalid_request;
  if (answer.status == 403) code = Code::permission;
  if (answer.status == 404) code = Code::not_found;
  Error error{.code = code, .message = "answered " + std::to_string(answer.status)};
  error.status = answer.status;
  std::string_view errors = json_member(answer.body.reveal(), "errors");
  JsonCursor cursor(errors);
  std::string first;
  if (cursor.take('[')) {
    const auto begin = cursor.at();
    if (cursor.skip_string() && decode_json_string(cursor.since(begin), first)) {
      first = redact(first);
      if (first.size() > 160) first.resize(160);
      for (char& c : first) {
        if (c < ' ' || c > '~') c = ' ';
      }
      error.message += ": " + first;
    }
  }
  if (answer.status == 404) error.message += ": there is nothing at that path";
  if (answer.status == 503) error.message += ": it is sealed or not ready";
  return error;
}

std::chrono::seconds seconds_of(std::string_view object, std::string_view name) {
  return std::chrono::seconds(json_number(object, name).value_or(0));
}

}  // namespace

Vault::Vault(Loop& loop, std::shared_ptr<const VaultConfig> config)
    : owner_(std::move(config)), service_(loop, config_.url, config_.tls, config_.way) {}

Task<Result<Secret>> Vault::call(Question question, With with, Clock::time_point deadline) {
  std::string fields = "x-vault-request: true\r\n";
  if (!config_.name_space.empty()) fields += "x-vault-namespace: " + config_.name_space + "\r\n";
  if (with == With::token) {
    fields.append("x-vault-token: ").append(token_.reveal()).append("\r\n");
  }
  question.fields = Secret(std::move(fields));
  auto answer = co_await service_.ask(std::move(question), deadline);
  if (!answer) co_return answer.error();
  if (answer->status / 100 != 2) co_return error_of(*answer);
  co_return std::move(answer->body);
}

/// Who is refused may have lost its token: it logs in once more.
Task<Result<Secret>> Vault::call_with_token(const char* method, std::string path, std::string body,
                                            Clock::time_point deadline) {
  for (bool again = false;; again = true) {
    const auto had = co_await have_token(deadline);
    if (!had) co_return had.error();
    Question question;
    question.method = method;
    question.path = path;
    question.body = Secret(std::string(body));
    auto said = co_await call(std::move(question), With::token, deadline);
    const bool stale = !said && said.error().status == 403 && !again;
    if (!stale || config_.login == VaultLogin::token) co_return std::move(said);
    token_ = Secret();
  }
}

Task<Result<>> Vault::have_token(Clock::time_point deadline) {
  const auto now = Clock::now();
  if (!token_.empty() && now < renew_at_) co_return Result<>();
  const bool first = token_.empty();
  if (config_.login == VaultLogin::token && first) {
    token_ = Secret(std::string(config_.token.reveal()));
    auto looked = co_await look_up_token(deadline);
    if (!looked) token_ = Secret();
    co_return looked;
  }
  bool renewed = false;
  if (!first && renewable_) renewed = co_await renew_token(deadline);
  if (renewed) co_return Result<>();
  if (config_.login == VaultLogin::token) {
    // It serves until it ends; what the end means is told by the refusal then.
    renew_at_ = now + 30s;
    co_return Result<>();
  }
  auto logged_in = co_await log_in(deadline);
  if (!logged_in && !token_.empty() && now < ends_at_) {
    renew_at_ = now + 30s;
    co_return Result<>();
  }
  co_return logged_in;
}

Result<Question> Vault::login_question() const {
  const auto at = [this](const char* preset) {
    return "/v1/auth/" + (config_.login_mount.empty() ? preset : config_.login_mount) + "/login";
  };
  Question question;
  question.method = "POST";
  std::string body;
  if (config_.login == VaultLogin::approle) {
    question.path = at("approle");
    body = "{" + member("role_id", config_.role_id);
    if (!config_.secret_id.empty()) body += "," + member("secret_id", config_.secret_id.reveal());
    body += "}";
  } else {
    question.path = at(config_.login == VaultLogin::jwt ? "jwt" : "kubernetes");
    const auto jwt = read_token_file(config_.jwt_file.empty() ? pod_token : config_.jwt_file);
    if (!jwt) return jwt.error();
    body = "{" + member("role", config_.role) + "," + member("jwt", jwt->reveal()) + "}";
  }
  question.body = Secret(std::move(body));
  return question;
}

Task<Result<>> Vault::log_in(Clock::time_point deadline) {
  auto question = login_question();
  if (!question) co_return question.error();
  auto said = co_await call(std::move(*question), With::nothing, deadline);
  if (!said) {
    Error error = said.error();
    error.message = "login " + error.message;
    co_return error;
  }
  take_token(*said);
  if (token_.empty()) co_return malformed();
  leases_.clear();  // they ended with the token that they were given to
  co_return Result<>();
}

/// Of a login or a renewal.
void Vault::take_token(const Secret& answer) {
  const std::string_view auth = json_member(answer.reveal(), "auth");
  auto token = json_text(auth, "client_token");
  token_ = token ? Secret(std::move(*token)) : Secret();
  renewable_ = json_member(auth, "renewable") == "true";
  const auto lease = seconds_of(auth, "lease_duration");
  const auto now = Clock::now();
  ends_at_ = lease.count() == 0 ? Clock::time_point::max() : now + lease;
  renew_at_ = lease.count() == 0 ? Clock::time_point::max() : now + milliseconds(lease) * 2 / 3;
}

Task<Result<>> Vault::look_up_token(Clock::time_point deadline) {
  Question question;
  question.path = "/v1/auth/token/lookup-self";
  const auto said = co_await call(std::move(question), With::token, deadline);
  renewable_ = false;
  renew_at_ = Clock::time_point::max();
  // It may not be allowed to look at itself; what it is good for is told by what it reads.
  if (!said && said.error().status == 403) co_return Result<>();
  if (!said) co_return said.error();
  const std::string_view data = json_member(said->reveal(), "data");
  const auto left = seconds_of(data, "ttl");
  renewable_ = json_member(data, "renewable") == "true";
  renew_at_ = left.count() == 0 ? Clock::time_point::max() : Clock::now() + milliseconds(left) / 2;
  co_return Result<>();
}

Task<bool> Vault::renew_token(Clock::time_point deadline) {
  Question question;
  question.method = "POST";
  question.path = "/v1/auth/token/renew-self";
  question.body = Secret(std::string("{}"));
  const auto said = co_await call(std::move(question), With::token, deadline);
  if (!said) co_return false;
  const auto before = ends_at_;
  take_token(*said);
  // A token near the most that it may live is renewed for less and less.
  co_return !token_.empty() && (ends_at_ - Clock::now() > 5s || ends_at_ > before);
}

Task<Result<Fetched>> Vault::read(std::string location, Clock::time_point deadline) {
  if (location.starts_with('/')) {
    co_return co_await read_engine("/v1" + location, deadline);
  }
  std::string mount = config_.mount;
  std::string path = location;
  if (mount.empty()) {
    mount = location.substr(0, location.find('/'));
    path = location.substr(mount.size() + 1);
  } else if (location.starts_with(mount + "/")) {
    path = location.substr(mount.size() + 1);
  }
  const auto said =
      co_await call_with_token("GET", "/v1/" + mount + "/data/" + path, std::string(), deadline);
  if (!said) co_return said.error();
  const std::string_view data = json_member(json_member(said->reveal(), "data"), "data");
  if (!data.starts_with('{')) co_return malformed();
  Fetched fetched;
  fetched.text = Secret(std::string(data));
  co_return std::move(fetched);
}

/// What has a lease keeps its value for as long as the lease can be renewed.
Task<Result<Fetched>> Vault::read_engine(std::string path, Clock::time_point deadline) {
  Fetched fetched;
  if (const auto held = leases_.find(path); held != leases_.end()) {
    const std::string body = "{" + member("lease_id", held->second.id) + "}";
    const auto renewed = co_await call_with_token("POST", "/v1/sys/leases/renew", body, deadline);
    // By now another login may have ended it.
    const auto still = leases_.find(path);
    if (renewed && still != leases_.end()) {
      fetched.lease = seconds_of(renewed->reveal(), "lease_duration");
      fetched.text = Secret(std::string(still->second.data.reveal()));
      if (fetched.lease > 2s) co_return std::move(fetched);
    }
    leases_.erase(path);
  }
  const auto said = co_await call_with_token("GET", path, std::string(), deadline);
  if (!said) co_return said.error();
  const std::string_view data = json_member(said->reveal(), "data");
  if (!data.starts_with('{')) co_return malformed();
  fetched.text = Secret(std::string(data));
  fetched.lease = seconds_of(said->reveal(), "lease_duration");
  auto id = json_text(said->reveal(), "lease_id");
  if (id && !id->empty() && json_member(said->reveal(), "renewable") == "true") {
    leases_[path] = Lease{std::move(*id), Secret(std::string(data))};
  }
  co_return std::move(fetched);
}

Task<Result<Fetched>> Vault::decrypt(std::string location, Clock::time_point deadline) {
  const auto hash = location.find('#');
  const std::string path = "/v1/" + config_.transit_mount + "/decrypt/" + location.substr(0, hash);
  const std::string body = "{" + member("ciphertext", location.substr(hash + 1)) + "}";
  const auto said = co_await call_with_token("POST", path, body, deadline);
  if (!said) co_return said.error();
  co_return plaintext_of(json_text(json_member(said->reveal(), "data"), "plaintext"));
}

}  // namespace hawser::secret
