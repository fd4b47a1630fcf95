#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "hawser/client.hpp"
#include "transport.hpp"

namespace hawser::sdk {

/// What authenticates calls: a key, or a token that is renewed. Thread-safe; wiped at its end.
class Credential {
 public:
  /// @param dial  how connections are made
  Credential(std::string key, OAuthOptions oauth, Dial dial);
  ~Credential();
  Credential(const Credential&) = delete;
  Credential& operator=(const Credential&) = delete;

  /// The bearer token of now; empty: none is needed. Fetches one where it must.
  Outcome<std::string> token(Clock::time_point deadline, const CancelToken* cancel);
  /// The server refused it: the next call fetches another one. @return whether that may help
  bool refused();

 private:
  Outcome<std::string> fetch(Clock::time_point deadline, const CancelToken* cancel);

  std::string key_;
  OAuthOptions oauth_;
  Dial dial_;
  std::mutex mutex_;
  Clock::time_point renew_at_{};
};

}  // namespace hawser::sdk
