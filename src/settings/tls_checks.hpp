#pragma once

#include <string>
#include <vector>

#include "config/fields.hpp"
#include "net/config.hpp"

namespace hawser::settings {

using Problems = std::vector<config::Problem>;

/// Rules over TLS: what is opened here is what a start would open, so both come to one verdict.
/// @param path  of the struct, for the messages
void check_server_tls(const std::string& path, const net::TlsServerConfig& tls, Problems& problems);
void check_client_tls(const std::string& path, const net::TlsClientConfig& tls, Problems& problems);

/// What is allowed, but unwise.
void warn_of_tls(const std::string& path, const net::TlsServerConfig& tls, Problems& warnings);
void warn_of_tls(const std::string& path, const net::TlsClientConfig& tls, Problems& warnings);

/// The files that are read.
std::vector<std::string> files_of(const net::TlsServerConfig& tls);
std::vector<std::string> files_of(const net::TlsClientConfig& tls);

}  // namespace hawser::settings
