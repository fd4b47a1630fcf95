#include "secret/aws_credentials.hpp"

#include <ctime>

#include "base/json.hpp"

namespace hawser::secret {
namespace {

constexpr auto ahead = 5min;

Error wrong(std::string why) {
  return {.code = Code::invalid_request, .message = std::move(why)};
}

Error refused(const char* who, int status) {
  Error error{.code = Code::permission,
              .message = std::string(who) + " answered " + std::to_string(status)};
  error.status = status;
  return error;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

/// The text of the first element of that name; STS answers in XML.
std::string element(std::string_view xml, const std::string& name) {
  const std::string open = "<" + name + ">";
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const auto end = xml.find("</" + name + ">", begin);
  if (end == std::string_view::npos) return {};
  return std::string(xml.substr(begin + open.size(), end - begin - open.size()));
}

Clock::time_point until(std::string_view expiration) {
  const auto at = parse_aws_time(expiration);
  if (!at) return Clock::now() + 15min;
  return Clock::now() + (*at - std::chrono::system_clock::now());
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_aws_time(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::optional<AwsCredentials> parse_profile(std::string_view text, std::string_view profile) {
  AwsCredentials found;
  bool inside = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = line.back() == ']' && trim(line.substr(1, line.size() - 2)) == profile;
      continue;
    }
    const auto equals = line.find('=');
    if (!inside || equals == std::string_view::npos) continue;
    const auto name = trim(line.substr(0, equals));
    const auto value = std::string(trim(line.substr(equals + 1)));
    if (name == "aws_access_key_id") found.access_key_id = value;
    if (name == "aws_secret_access_key") found.secret_access_key = Secret(std::string(value));
    if (name == "aws_session_token") found.session_token = Secret(std::string(value));
  }
  if (found.access_key_id.empty() || found.secret_access_key.empty()) return std::nullopt;
  return found;
}

std::string aws_region(const AwsConfig& config, const config::Lookups& lookups) {
  if (!config.region.empty()) return config.region;
  const auto region = lookups.environment("AWS_REGION");
  if (region && !region->empty()) return *region;
  return lookups.environment("AWS_DEFAULT_REGION").value_or("");
}

std::string aws_endpoint(const AwsConfig& config, const config::Lookups& lookups,
                         const std::string& service) {
  if (!config.endpoint.empty()) return config.endpoint;
  const auto given = lookups.environment("AWS_ENDPOINT_URL");
  if (given && !given->empty()) return *given;
  const std::string region = aws_region(config, lookups);
  const bool china = region.starts_with("cn-");
  return "https://" + service + "." + region + ".amazonaws.com" + (china ? ".cn" : "");
}

AwsIdentity::AwsIdentity(Loop& loop, const AwsConfig& config, config::Lookups lookups)
    : loop_(loop), config_(config), lookups_(std::move(lookups)) {}

std::string AwsIdentity::variable(const char* name) const {
  return lookups_.environment(name).value_or("");
}

Task<Result<const AwsCredentials*>> AwsIdentity::current(Clock::time_point deadline) {
  const auto now = Clock::now();
  if (now < until_) co_return &found_.credentials;
  auto found = co_await find(deadline);
  if (found) {
    found_ = std::move(*found);
    const auto last = Clock::time_point::max();
    // Those without an end of their own are read again now and then.
    until_ = found_.until == last ? now + ahead : std::max(found_.until - ahead, now + 30s);
    co_return &found_.credentials;
  }
  if (!found_.credentials.access_key_id.empty() && now < found_.until) {
    until_ = now + 30s;
    co_return &found_.credentials;
  }
  co_return found.error();
}

Task<Result<AwsIdentity::Found>> AwsIdentity::find(Clock::time_point deadline) {
  const auto wanted = config_.credentials;
  const bool any = wanted == AwsLogin::by_order;
  if (any || wanted == AwsLogin::environment) {
    if (auto found = from_environment()) co_return std::move(*found);
    if (!any) {
      co_return wrong("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
    }
  }
  const bool federated =
      !variable("AWS_ROLE_ARN").empty() && !variable("AWS_WEB_IDENTITY_TOKEN_FILE").empty();
  if (wanted == AwsLogin::web_identity || (any && federated)) {
    co_return co_await from_web_identity(deadline);
  }
  if (any || wanted == AwsLogin::profile) {
    auto found = from_profile();
    if (found || !any) co_return std::move(found);
  }
  co_return co_await from_machine(deadline);
}

std::optional<AwsIdentity::Found> AwsIdentity::from_environment() const {
  Found found;
  found.credentials.access_key_id = variable("AWS_ACCESS_KEY_ID");
  found.credentials.secret_access_key = Secret(variable("AWS_SECRET_ACCESS_KEY"));
  found.credentials.session_token = Secret(variable("AWS_SESSION_TOKEN"));
  const bool whole =
      !found.credentials.access_key_id.empty() && !found.credentials.secret_access_key.empty();
  if (!whole) return std::nullopt;
  return found;
}

Result<AwsIdentity::Found> AwsIdentity::from_profile() const {
  std::string path = variable("AWS_SHARED_CREDENTIALS_FILE");
  if (path.empty()) path = variable("HOME") + "/.aws/credentials";
  auto text = lookups_.file(path);
  if (!text) return text.error();
  const Secret wiped(std::move(*text));
  auto credentials = parse_profile(wiped.reveal(), config_.profile);
  if (!credentials) return wrong("the file " + path + " has no profile '" + config_.profile + "'");
  Found found;
  found.credentials = std::move(*credentials);
  return found;
}

/// Source: AWS STS, AssumeRoleWithWebIdentity; it is not signed.
Task<Result<AwsIdentity::Found>> AwsIdentity::from_web_identity(Clock::time_point deadline) {
  const auto token = read_token_file(variable("AWS_WEB_IDENTITY_TOKEN_FILE"));
  if (!token) co_return token.error();
  std::string session = variable("AWS_ROLE_SESSION_NAME");
  if (session.empty()) session = "hawser";
  std::string form;
  append_form(form, "Action", "AssumeRoleWithWebIdentity");
  append_form(form, "Version", "2011-06-15");
  append_form(form, "RoleArn", variable("AWS_ROLE_ARN"));
  append_form(form, "RoleSessionName", session);
  append_form(form, "WebIdentityToken", token->reveal());
  Question question;
  question.method = "POST";
  question.path = "/";
  question.body = Secret(std::move(form));
  question.content_type = "application/x-www-form-urlencoded";
  Service sts(loop_, aws_endpoint(config_, lookups_, "sts"), config_.tls, config_.way);
  auto answer = co_await sts.ask(std::move(question), deadline);
  if (!answer) co_return answer.error();
  if (answer->status != 200) co_return refused("STS", answer->status);
  const std::string_view xml = answer->body.reveal();
  Found found;
  found.credentials.access_key_id = element(xml, "AccessKeyId");
  found.credentials.secret_access_key = Secret(element(xml, "SecretAccessKey"));
  found.credentials.session_token = Secret(element(xml, "SessionToken"));
  found.until = until(element(xml, "Expiration"));
  if (found.credentials.secret_access_key.empty()) co_return refused("STS", answer->status);
  co_return std::move(found);
}

/// Source: AWS, "Use the Instance Metadata Service" (version 2)
Task<Result<AwsIdentity::Found>> AwsIdentity::from_machine(Clock::time_point deadline) {
  net::WayConfig direct;
  direct.proxy = Secret(std::string("none"));
  Service imds(loop_, config_.imds_url, net::TlsClientConfig(), direct);
  const auto soon = std::min(deadline, Clock::now() + 2s);  // no machine of AWS: nobody answers
  Question first;
  first.method = "PUT";
  first.path = "/latest/api/token";
  first.fields = Secret(std::string("x-aws-ec2-metadata-token-ttl-seconds: 300\r\n"));
  const auto token = co_await imds.ask(std::move(first), soon);
  if (!token || token->status != 200) {
    co_return wrong("found no credentials: not in the environment, no profile, no machine's role");
  }
  const std::string fields =
      "x-aws-ec2-metadata-token: " + std::string(token->body.reveal()) + "\r\n";
  Question second;
  second.path = "/latest/meta-data/iam/security-credentials/";
  second.fields = Secret(std::string(fields));
  const auto role = co_await imds.ask(std::move(second), deadline);
  if (!role) co_return role.error();
  if (role->status != 200) co_return wrong("this machine has no role");
  Question third;
  const std::string_view names = role->body.reveal();
  third.path = "/latest/meta-data/iam/security-credentials/" +
               std::string(trim(names.substr(0, names.find('\n'))));
  third.fields = Secret(std::string(fields));
  const auto answer = co_await imds.ask(std::move(third), deadline);
  if (!answer) co_return answer.error();
  const std::string_view json = answer->body.reveal();
  Found found;
  found.credentials.access_key_id = json_text(json, "AccessKeyId").value_or("");
  found.credentials.secret_access_key = Secret(json_text(json, "SecretAccessKey").value_or(""));
  found.credentials.session_token = Secret(json_text(json, "Token").value_or(""));
  found.until = until(json_text(json, "Expiration").value_or(""));
  if (found.credentials.secret_access_key.empty()) co_return refused("IMDS", answer->status);
  co_return std::move(found);
}

}  // namespace hawser::secret
