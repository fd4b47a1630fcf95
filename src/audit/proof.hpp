#pragma once

#include "audit/verifier.hpp"

namespace hawser::audit {

/// Which lines are meant; empty members fit all.
struct Selection {
  std::string generation{};
  std::string request{};
  std::string tenant{};
  std::string type{};

  bool fits(std::string_view json) const;
};

/// Makes a proof of each line that is meant, once the root that signs it comes by: one line of JSON
/// that proves, alone and with the public key, that the record stands in the log. It tells nothing
/// of other records but their hashes. Holds the hashes of one batch.
class Prover {
 public:
  using Out = std::function<void(const std::string& proof)>;
  Prover(Selection selection, Out out) : selection_(std::move(selection)), out_(std::move(out)) {}

  void see(const Line& line);
  std::uint64_t proved() const { return proved_; }
  /// Lines that are meant and not signed yet.
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Meant {
    std::size_t index = 0;
    std::string json{};
    Digest before{};
  };
  Selection selection_;
  Out out_;
  Hasher hasher_{};
  std::vector<Digest> leaves_{};
  std::vector<Meant> waiting_{};
  std::uint64_t proved_ = 0;
};

/// @return the record that is proved. Error: invalid_request that says what does not fit
Result<std::string> check_proof(std::string_view proof, const std::vector<PublicKey>& trusted);

}  // namespace hawser::audit
