#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/web_caller.hpp"
#include "front/http/listen_config.hpp"
#include "h2/server.hpp"
#include "wire/http1.hpp"

namespace hawser::front::http {

/// What one listener has to do with web pages: which it serves where no key protects it, and which
/// of them get to read answers (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).
/// Immutable; a reload makes a new one.
class WebAccess {
 public:
  /// @param keyless  whoever reaches the listener may use it
  WebAccess(const ListenConfig& listen, bool keyless);

  /// Why a request is not served. @param certificate  the client showed one, which a browser does
  /// by itself
  std::optional<Error> refusal(const wire::RequestHead& head, bool certificate) const;
  std::optional<Error> refusal(const h2::RequestHead& head, bool certificate) const;

  /// Whether a browser asks if a page may make a request. It carries no key.
  static bool is_preflight(const wire::RequestHead& head);
  /// Whether the page may, by what is configured here.
  bool grants(const wire::RequestHead& preflight) const;
  /// Fields of the answer to a preflight that is granted.
  void append_preflight(const wire::RequestHead& preflight, std::string& fields) const;
  /// Fields that let a listed page read an answer, ours or a provider's.
  void append_cors(const wire::RequestHead& head, std::string& fields) const {
    if (cors_) append_cors_fields(head, fields);
  }

 private:
  std::optional<Error> refusal_of(WebCaller caller, bool certificate) const;
  void append_cors_fields(const wire::RequestHead& head, std::string& fields) const;

  bool keyless_;
  std::vector<std::string> hosts_;
  std::optional<CorsConfig> cors_;
};

}  // namespace hawser::front::http
