#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/endpoint.hpp"
#include "net/resolver.hpp"
#include "secret/source.hpp"

namespace hawser::secret {

/// One thread's means to wait: its loop, connections and buffers. Buffers are wiped after each
/// answer.
class Loop {
 public:
  net::asio::io_context io{1};
  net::Reactor reactor{io};
  net::BlockPool blocks{blocks_kept};
  net::Resolver resolver{reactor};
  http::UpstreamPools pools{{reactor, resolver, blocks}};

  void wipe_buffers();
  /// Suspends for so long. @return false when the loop ends
  Task<bool> sleep(milliseconds time);
  /// Ends all waits, and then the loop.
  void end();
  bool ended() const { return ended_; }

 private:
  static constexpr std::size_t blocks_kept = 4;
  std::vector<net::Waiter*> sleeping_{};
  bool ended_ = false;
};

/// What a service is asked; wiped with all that it holds.
struct Question {
  std::string method = "GET";
  std::string path{};  // behind the service's own
  Secret fields{};     // "Name: value\r\n"...
  Secret body{};
  std::string content_type = "application/json";
};

struct Answer {
  int status = 0;
  std::string fields{};  // "Name: value\n"...
  Secret body{};
};

/// A service that secrets are asked of, over HTTP.
class Service {
 public:
  /// @throws std::runtime_error for a URL or a file that is not good
  Service(Loop& loop, const std::string& url, const net::TlsClientConfig& tls,
          const net::WayConfig& way);

  /// Errors: as http::ask
  Task<Result<Answer>> ask(Question question, Clock::time_point deadline);
  /// As its Host field goes out.
  const std::string& host() const { return host_; }
  /// The whole path of a question.
  std::string path_of(const std::string& path) const { return prefix_ + path; }

 private:
  Loop& loop_;
  http::Endpoint endpoint_;
  std::string host_;
  std::string prefix_;
};

/// A file that only our own may write: tokens that a platform puts there.
/// Error: invalid_request that names the path
Result<Secret> read_token_file(const std::string& path);

/// The form of application/x-www-form-urlencoded (WHATWG URL, 5.2).
void append_form(std::string& out, std::string_view name, std::string_view value);

/// An answer of the right status that is not what was asked for.
Error malformed();
/// What a service decrypted and gave in base64; nothing is an error, too.
/// Error: upstream
Result<Fetched> plaintext_of(std::optional<std::string> encoded);

}  // namespace hawser::secret
