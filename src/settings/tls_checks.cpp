#include "settings/tls_checks.hpp"

#include <stdexcept>

#include "net/pins.hpp"
#include "net/tls_client.hpp"
#include "net/tls_server.hpp"

namespace hawser::settings {
namespace {

template <class Open>
bool opens(std::string path, Problems& problems, Open open) {
  try {
    open();
    return true;
  } catch (const std::exception& e) {
    problems.push_back({std::move(path), e.what()});
    return false;
  }
}

/// A certificate and its key stand together or not at all.
bool paired(const std::string& path, const std::string& certificate, const std::string& key,
            Problems& problems) {
  if (certificate.empty() == key.empty()) return true;
  problems.push_back({path + (key.empty() ? ".key" : ".certificate"), "is missing"});
  return false;
}

void warn_of_key(const std::string& path, const std::string& file, Problems& warnings) {
  if (file.empty() || !net::open_to_others(file)) return;
  warnings.push_back({path, "every user of this machine may read or change the private key " +
                                file + ": chmod o= it"});
}

}  // namespace

void check_server_tls(const std::string& path, const net::TlsServerConfig& tls,
                      Problems& problems) {
  const auto before = problems.size();
  if (!paired(path, tls.certificate, tls.key, problems)) return;
  if (tls.all().empty()) {
    problems.push_back({path, "has no certificate: add certificate and key, or certificates"});
  }
  if (tls.client_auth != net::ClientAuth::none && tls.client_ca.empty()) {
    problems.push_back({path + ".client_auth", "needs client_ca: the roots to verify them by"});
  }
  if (tls.client_auth == net::ClientAuth::none && !tls.client_ca.empty()) {
    problems.push_back({path + ".client_ca", "is not used: add client_auth: request, or require"});
  }
  if (problems.size() != before) return;
  opens(path, problems,
        [&] { net::make_server_context(tls, std::make_shared<net::TicketKeys>()); });
}

void check_client_tls(const std::string& path, const net::TlsClientConfig& tls,
                      Problems& problems) {
  const auto before = problems.size();
  paired(path, tls.certificate, tls.key, problems);
  for (std::size_t i = 0; i < tls.pins.size(); ++i) {
    if (net::parse_pin(tls.pins[i])) continue;
    problems.push_back({path + ".pins[" + std::to_string(i) + "]",
                        "must be sha256/ and the base64 of a SHA-256 (44 characters), the digest "
                        "of a public key"});
  }
  if (tls.pins_report_only && tls.pins.empty()) {
    problems.push_back({path + ".pins_report_only", "has no pins to report on"});
  }
  if (problems.size() != before) return;
  net::TlsClientConfig roots_only;
  roots_only.ca_file = tls.ca_file;
  if (!tls.ca_file.empty() &&
      !opens(path + ".ca_file", problems, [&] { net::make_client_context(roots_only); })) {
    return;
  }
  if (tls.certificate.empty()) return;
  opens(path + ".certificate", problems, [&] { net::make_client_context(tls); });
}

void warn_of_tls(const std::string& path, const net::TlsServerConfig& tls, Problems& warnings) {
  warn_of_key(path + ".key", tls.key, warnings);
  for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
    warn_of_key(path + ".certificates[" + std::to_string(i) + "].key", tls.certificates[i].key,
                warnings);
  }
}

void warn_of_tls(const std::string& path, const net::TlsClientConfig& tls, Problems& warnings) {
  warn_of_key(path + ".key", tls.key, warnings);
  if (tls.pins.size() == 1 && !tls.pins_report_only) {
    warnings.push_back(
        {path + ".pins",
         "there is no backup: when this key goes, nothing passes; pin a second one"});
  }
}

std::vector<std::string> files_of(const net::TlsServerConfig& tls) {
  std::vector<std::string> files;
  for (const auto& each : tls.all()) {
    files.push_back(each.certificate);
    files.push_back(each.key);
  }
  if (!tls.client_ca.empty()) files.push_back(tls.client_ca);
  return files;
}

std::vector<std::string> files_of(const net::TlsClientConfig& tls) {
  std::vector<std::string> files{tls.ca_file, tls.certificate, tls.key};
  std::erase(files, std::string());
  return files;
}

}  // namespace hawser::settings
