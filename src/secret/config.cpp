#include "secret/config.hpp"

#include "wire/url.hpp"

namespace hawser::secret {

using config::Problem;

namespace {

void check_url(const char* field, const std::string& text, std::vector<Problem>& problems) {
  const auto url = wire::parse_url(text);
  if (!url) problems.push_back({field, std::string(field) + " " + url.error().message});
}

}  // namespace

std::vector<Problem> VaultConfig::check() const {
  std::vector<Problem> problems;
  check_url("url", url, problems);
  switch (login) {
    case VaultLogin::token:
      if (token.empty()) problems.push_back({"token", "is missing"});
      break;
    case VaultLogin::approle:
      if (role_id.empty()) problems.push_back({"role_id", "is missing"});
      break;
    case VaultLogin::jwt:
      if (jwt_file.empty()) problems.push_back({"jwt_file", "is missing"});
      [[fallthrough]];
    case VaultLogin::kubernetes:
      if (role.empty()) problems.push_back({"role", "is missing"});
      break;
  }
  return problems;
}

std::vector<Problem> AwsConfig::check() const {
  std::vector<Problem> problems;
  if (!endpoint.empty()) check_url("endpoint", endpoint, problems);
  check_url("imds_url", imds_url, problems);
  return problems;
}

}  // namespace hawser::secret
