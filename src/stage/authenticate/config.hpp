#pragma once

#include <string>
#include <vector>

#include "config/fields.hpp"

namespace hawser::stage::authenticate {

/// A virtual key. Only its hash is known to us.
struct KeyConfig {
  std::string name{};
  std::string hash{};  // "sha256:<64 hex digits>", as `hawser key new` prints it
  std::string client_subject{};
  bool needs_certificate = false;
  std::string tenant = "default";
  std::string team{};
  std::vector<std::string> models{};
  std::vector<std::string> operations{};
  bool any_objects = false;
  bool shared = false;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("name", name, config::Required{}, "Name of the key in logs and figures.");
    field("hash", hash, config::Anything{},
          "sha256:HEX of the key, as `hawser key new` and `hawser key hash` print it; may be left "
          "out where there is a client_subject.");
    field("client_subject", client_subject, config::Anything{},
          "A client certificate with this name stands for the key where none is sent: its subject "
          "(CN=ci,O=Example, as RFC 2253 writes it) or an alternative name (DNS:ci.example.com, "
          "URI:spiffe://example.com/ci, email:ci@example.com).");
    field("needs_certificate", needs_certificate, config::Anything{},
          "The key counts only together with the certificate of client_subject: who steals one of "
          "both has nothing.");
    field("tenant", tenant, config::Anything{}, "Who owns the key.");
    field("team", team, config::Anything{}, "Part of the tenant that it belongs to.");
    field("models", models, config::Anything{},
          "Models that the key may ask for; empty: all. A trailing * matches any ending. A request "
          "that "
          "names further models, or a server, beside `model` is refused.");
    field(
        "operations", operations, config::Anything{},
        "What the key may call: chat, completions, responses, messages, gemini, embeddings, "
        "moderations, rerank, audio, images, models, generations, and where it is listed: "
        "stored_chat, files, batches, conversations, assistants, threads, fine_tuning, "
        "vector_stores, containers, evals, videos, cached_contents, skills, and unknown for paths "
        "that the gateway does not know. Empty: all before stored_chat.");
    field(
        "any_objects", any_objects, config::Anything{},
        "The key may use any file, batch, response and so on of the providers' accounts, not only "
        "what its tenant made through this gateway.");
    field("shared", shared, config::Anything{},
          "Several people ask by this key, such as the users of an application: a request that is "
          "equal to another one is not taken for its repetition, unless it has an "
          "Idempotency-Key.");
  }
  std::vector<config::Problem> check() const;
};

}  // namespace hawser::stage::authenticate
