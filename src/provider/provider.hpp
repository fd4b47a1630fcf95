#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/origin.hpp"
#include "provider/config.hpp"
#include "wire/http1.hpp"

namespace hawser::provider {

/// What is special about one provider, compiled from its configuration. Pure: it writes heads and
/// never opens a connection.
class Provider {
 public:
  /// @throws std::runtime_error for a base URL that check() should have refused
  /// @param pseudonym  of this gateway, told to other gateways
  Provider(std::string name, const ProviderConfig& config, std::string_view pseudonym = {});

  const std::string& name() const { return name_; }
  const net::Origin& origin() const { return origin_; }
  /// Whether the credential on the wire is ours and not the client's to know of.
  bool has_credential() const { return has_credential_; }
  dialect::Prefill prefill() const { return prefill_; }
  /// Whether it is another Hawser.
  bool gateway() const { return gateway_; }

  struct Request {
    const wire::RequestHead& head;
    std::string_view tail;  // what follows /v1: "/chat/completions"
    std::string_view request_id;
    wire::Framing framing;  // of the body that will follow
    std::uint64_t content_length;
    Clock::time_point arrived{};    // tells requests apart whose clients gave them the same id
    std::string_view credential{};  // as a field, where it is none of the configuration
  };
  /// Appends the head to send: the client's own fields, but for the credential, those that end at
  /// this hop, and what the configuration sets.
  void write_head(const Request& request, std::string& out) const;
  /// A credential as the field that carries it: "Name: value\r\n".
  Secret credential_field(std::string_view credential) const;

 private:
  bool forwards(const wire::Field& field, std::string_view connection) const;

  std::string name_;
  net::Origin origin_;
  std::string path_;
  std::string query_;
  Secret fixed_;                  // host, credential and configured fields, as they go out
  std::vector<std::string> set_;  // names of the configured fields: ours win
  Auth auth_ = Auth::none;
  bool has_credential_ = false;
  dialect::Prefill prefill_ = dialect::Prefill::none;
  bool gateway_ = false;
  std::string via_;
};

/// The fields of an answer that go on to the client: "Name: value\r\n"... Those that end at this
/// hop, lengths and what names the provider's own endpoints are left out; its request id is
/// renamed.
/// @param limits   whether its word on rate limits goes on
/// @param gateway  another Hawser: what it says of its own part, x-hawser-X, is renamed
///                 x-hawser-inner-X; but for x-hawser-error, which is told by the same name
void copy_answer_fields(const wire::ResponseHead& head, bool limits, bool gateway,
                        std::string& out);

}  // namespace hawser::provider
