#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/origin.hpp"
#include "provider/config.hpp"
#include "provider/headers.hpp"
#include "wire/http1.hpp"

namespace hawser::provider {

/// What is special about one provider, compiled from its configuration. Pure: it writes heads and
/// never opens a connection.
class Provider {
 public:
  /// @throws std::runtime_error for a base URL that check() should have refused
  /// @param pseudonym  of this gateway, told to other gateways
  /// @param headers  which of a client's headers go to every provider
  Provider(std::string name, const ProviderConfig& config, std::string_view pseudonym = {},
           const HeadersConfig& headers = {});

  const std::string& name() const { return name_; }
  const net::Origin& origin() const { return origin_; }
  /// Whether the credential on the wire is ours and not the client's to know of.
  bool has_credential() const { return has_credential_; }
  dialect::Prefill prefill() const { return prefill_; }
  /// Whether it takes stream_options.include_usage.
  bool tells_stream_usage() const { return stream_usage_; }
  /// Whether it is another Hawser.
  bool gateway() const { return gateway_; }
  const policy::Timeouts& timeouts() const { return timeouts_; }

  struct Request {
    const wire::RequestHead& head;
    std::string_view tail;  // what follows /v1: "/chat/completions"
    std::string_view request_id;
    wire::Framing framing;  // of the body that will follow
    std::uint64_t content_length;
    Clock::time_point arrived{};    // tells requests apart whose clients gave them the same id
    std::string_view credential{};  // as a field, where it is none of the configuration
    std::string_view idempotency_name{};  // in place of the client's own; empty: that one
  };
  /// Appends the head to send: those of the client's fields that go on (headers.hpp), the
  /// credential, and what the configuration sets. Its method is one that is served, and its tail
  /// stays below the base URL.
  void write_head(const Request& request, std::string& out) const;
  /// What a client's Idempotency-Key becomes, so that no other tenant or key can name the same
  /// request; empty: there is nobody else, and it goes on as it is.
  std::string idempotency_name(std::string_view tenant, std::string_view key,
                               std::string_view value) const;
  /// Blots the credential out of what the provider says: `field` as it went out, where it is none
  /// of the configuration.
  void hide_credential(std::string_view field, std::string& text) const;
  /// A credential as the field that carries it: "Name: value\r\n".
  Secret credential_field(std::string_view credential) const;

 private:
  bool forwards(std::string_view name) const;

  std::string name_;
  net::Origin origin_;
  std::string path_;
  std::string query_;
  std::vector<Secret> secrets_;   // of the configuration: the credential, values of fields
  Secret fixed_;                  // host, credential and configured fields, as they go out
  Secret names_secret_;           // of idempotency_name()
  HeaderNames pass_;              // that the configuration lists
  std::vector<std::string> set_;  // names of the configured fields: ours win
  Auth auth_ = Auth::none;
  bool has_credential_ = false;
  dialect::Prefill prefill_ = dialect::Prefill::none;
  bool stream_usage_ = true;
  bool gateway_ = false;
  policy::Timeouts timeouts_;
  std::string via_;
};

/// Whether a request may be sent on: by its method, and because its path stays below the base URL.
/// The last place to notice what the front should have refused. Error: invalid_request
Result<> check_sendable(std::string_view method, std::string_view tail);

/// The fields of an answer that go on to the client: "Name: value\r\n"... Left out are those that
/// end at this hop, lengths, cookies, what tells browsers about the provider's host, and what
/// claims to be ours; its request id is renamed.
/// @param limits   whether its word on rate limits goes on
/// @param gateway  another Hawser: what it says of its own part, x-hawser-X, is renamed
///                 x-hawser-inner-X; but for x-hawser-error, which is told by the same name
void copy_answer_fields(const wire::ResponseHead& head, bool limits, bool gateway,
                        std::string& out);

}  // namespace hawser::provider
