#include "secret/sigv4.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "base/hex.hpp"
#include "wire/url.hpp"

namespace hawser::secret {
namespace {

using Sha256 = std::array<unsigned char, 32>;

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

Sha256 digest(std::string_view text) {
  Sha256 out{};
  EVP_Digest(text.data(), text.size(), out.data(), nullptr, EVP_sha256(), nullptr);
  return out;
}

Sha256 hmac(std::string_view key, std::string_view text) {
  Sha256 out{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  return out;
}

std::string_view view(const Sha256& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Without "." and "..", empty segments left out (RFC 3986, 5.2.4), and encoded once more.
std::string canonical_path(std::string_view path) {
  std::vector<std::string_view> kept;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
  }
  std::string out;
  for (const auto segment : kept) wire::append_encoded(out.append("/"), segment);
  if (kept.empty() || path.ends_with('/')) out.append("/");
  return out;
}

/// Sorted by name, then by value, as they are encoded already.
std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string_view, std::string_view>> parts;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto part = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    parts.emplace_back(part.substr(0, equals),
                       equals == std::string_view::npos ? "" : part.substr(equals + 1));
  }
  std::sort(parts.begin(), parts.end());
  std::string out;
  for (const auto& [name, value] : parts) {
    if (!out.empty()) out.append("&");
    out.append(name).append("=").append(value);
  }
  return out;
}

/// Runs of blanks become one, those at the ends none.
std::string trimmed(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t') {
      blank = !out.empty();
      continue;
    }
    if (blank) out.push_back(' ');
    blank = false;
    out.push_back(c);
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string amz_date_of(std::chrono::system_clock::time_point now) {
  const std::time_t time = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts)};
}

}  // namespace

std::string canonical_v4(const SigV4Request& request, const AwsCredentials& credentials,
                         std::string_view amz_date, std::string& signed_names) {
  std::map<std::string, std::string> fields{{"host", trimmed(request.host)},
                                            {"x-amz-date", std::string(amz_date)}};
  if (!credentials.session_token.empty()) {
    fields["x-amz-security-token"] = std::string(credentials.session_token.reveal());
  }
  for (const auto& [name, value] : request.fields) {
    std::string& all = fields[lower(name)];
    if (!all.empty()) all.push_back(',');
    all.append(trimmed(value));
  }
  std::string out;
  out.append(request.method).append("\n").append(canonical_path(request.path)).append("\n");
  out.append(canonical_query(request.query)).append("\n");
  signed_names.clear();
  for (const auto& [name, value] : fields) {
    out.append(name).append(":").append(value).append("\n");
    signed_names.append(signed_names.empty() ? "" : ";").append(name);
  }
  return out.append("\n")
      .append(signed_names)
      .append("\n")
      .append(to_hex(view(digest(request.body))));
}

Secret sign_v4(const SigV4Request& request, const AwsCredentials& credentials, SigV4Scope scope,
               std::chrono::system_clock::time_point now) {
  const std::string amz_date = amz_date_of(now);
  const std::string date = amz_date.substr(0, 8);
  std::string signed_names;
  std::string canonical = canonical_v4(request, credentials, amz_date, signed_names);
  std::string whole_scope = date + "/";
  whole_scope.append(scope.region).append("/").append(scope.service).append("/aws4_request");
  const std::string to_sign = std::string(algorithm) + "\n" + amz_date + "\n" + whole_scope + "\n" +
                              to_hex(view(digest(canonical)));
  OPENSSL_cleanse(canonical.data(), canonical.size());

  std::string first = "AWS4" + std::string(credentials.secret_access_key.reveal());
  Sha256 key = hmac(first, date);
  OPENSSL_cleanse(first.data(), first.size());
  for (const std::string_view part :
       {scope.region, scope.service, std::string_view("aws4_request")}) {
    key = hmac(view(key), part);
  }
  const std::string signature = to_hex(view(hmac(view(key), to_sign)));
  OPENSSL_cleanse(key.data(), key.size());

  std::string out = "x-amz-date: " + amz_date + "\r\n";
  if (!credentials.session_token.empty()) {
    out.append("x-amz-security-token: ").append(credentials.session_token.reveal()).append("\r\n");
  }
  out.append("authorization: ").append(algorithm).append(" Credential=");
  out.append(credentials.access_key_id).append("/").append(whole_scope);
  out.append(", SignedHeaders=").append(signed_names);
  out.append(", Signature=").append(signature).append("\r\n");
  return Secret(std::move(out));
}

}  // namespace hawser::secret
