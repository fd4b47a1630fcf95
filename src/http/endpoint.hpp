#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/freshness.hpp"
#include "base/secret.hpp"
#include "config/fields.hpp"
#include "http/upstream.hpp"
#include "net/config.hpp"
#include "net/origin.hpp"
#include "policy/tags.hpp"

namespace hawser::http {

/// A service that the gateway itself asks: a guard, an embedding model, a vault.
struct EndpointConfig {
  std::string url{};
  Secret api_key{};
  std::string host{};
  config::Map<std::string> headers{};
  net::TlsClientConfig tls{};
  net::WayConfig way{};
  policy::Tags tags{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("url", url, config::Required{}, "Where it is asked: https://HOST/PATH.");
    field("api_key", api_key, config::Anything{},
          "Sent as Authorization: Bearer: ${env:NAME} or ${file:PATH}.");
    field("host", host, config::Anything{}, "Host header in place of the url's host.");
    field("headers", headers, config::Anything{}, "Headers that are set on every request to it.");
    way.fields(field);
    field("tls", tls, config::Anything{}, "TLS towards it.");
    field("tags", tags, config::Anything{}, "Where it is, for rules of residency.");
  }
};

/// The same, compiled; shared by all workers.
class Endpoint {
 public:
  /// @throws std::runtime_error for a URL or a file that is not good
  explicit Endpoint(const EndpointConfig& config);

  /// This worker's connections to it.
  std::shared_ptr<OriginPool> pool(UpstreamPools& pools) const;
  /// Of the URL: "/v1/embeddings".
  const std::string& path() const { return path_; }
  /// Host, credential and configured fields, as they go out.
  std::string_view fixed_fields() const { return fixed_.reveal(); }
  /// Nothing is asked any more once this is too old: a credential of it comes from there.
  void require(FreshnessPtr fresh) { required_.push_back(std::move(fresh)); }
  bool usable(Clock::time_point now) const;

 private:
  net::Origin origin_;
  std::string path_;
  Secret fixed_;
  std::vector<FreshnessPtr> required_;
  net::SslContext tls_;
};

struct Ask {
  std::string_view method = "POST";
  std::string_view path{};    // with its query
  std::string_view fields{};  // "Name: value\r\n"..., beside those of the endpoint
  std::string_view body{};
  std::string_view content_type = "application/json";
  std::size_t answer_max = 1024 * 1024;  // bytes
};

/// What it said, whatever its status.
struct Said {
  int status = 0;
  std::string fields{};  // "Name: value\n"...
  std::string body{};

  /// The value of a field; empty where there is none.
  std::string_view field(std::string_view name) const;
};

/// Asks once and reads the answer whole. A kept connection that proves dead is replaced by a fresh
/// one, once: what is asked here may be asked twice.
/// @param deadline  for all of it: connection, TLS, question and answer
/// Errors: connection, timeout, cancelled, too_large, upstream (its answer is not HTTP, or the
/// credential for it is too old)
Task<Result<Said>> ask(const Endpoint& endpoint, OriginPool& pool, Ask what,
                       Clock::time_point deadline, net::Cancellation& cancellation);

}  // namespace hawser::http
