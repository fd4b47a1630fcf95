#pragma once

#include <memory>
#include <string>

#include "dialect/splice.hpp"
#include "net/byte_budget.hpp"
#include "stage/attempt/attempt_request.hpp"
#include "stage/attempt/continuation.hpp"

namespace hawser::stage::attempt {

class Tries;

/// The request, kept for a second call to the same target, and how the two streams are joined. One
/// splice at most; it pays for the second call what a client that asks again would pay.
class SecondCall final : public Continuation {
 public:
  /// @param lease  of what it keeps: the request, and what is out
  SecondCall(std::shared_ptr<Tries> tries, const AttemptRequest& request,
             const exchange::Target& target, net::ByteLease lease);

  bool see(net::Piece& piece) override;
  Task<bool> begin(exchange::NotesPtr notes) override;
  bool begun() const override { return answer_ != nullptr; }
  bool spliced() const override { return begun(); }
  /// Errors: also upstream when it differs from what is out
  Task<Result<net::Piece>> next() override;
  void lead_to(const net::Companion* next) override;
  void cancel() override;
  dialect::Usage usage() const override;
  bool finished() const override { return false; }  // then it ends by itself
  bool whole() const override { return whole_; }
  bool calls_again() const override { return true; }
  std::optional<exchange::NotCharged> not_charged() const override { return not_charged_; }

 private:
  std::shared_ptr<Tries> tries_;
  Decision decision_;
  exchange::Call::Given given_;
  exchange::Target target_;
  Clock::time_point arrived_;
  dialect::Splice splice_;
  net::ByteLease lease_;
  std::uint64_t kept_ = 0;  // bytes that the lease is of
  std::unique_ptr<FurtherCall> call_;
  generation::GenerationPtr answer_;
  /// Until it goes out.
  std::optional<exchange::NotCharged> not_charged_{exchange::NotCharged::Proof::not_connected};
  const net::Companion* leads_to_ = nullptr;
  std::string joined_;
  bool whole_ = false;
};

}  // namespace hawser::stage::attempt
