#pragma once

#include <memory>
#include <string>

#include "dialect/splice.hpp"
#include "exchange/call.hpp"
#include "generation/generation.hpp"

namespace hawser::stage::attempt {

class Tries;

/// What a stream goes on with should it break: the request, kept for a second call to the same
/// target, and how the two streams are joined. One splice at most; it pays for the second call what
/// a client that asks again would pay.
class Continuation {
 public:
  Continuation(std::shared_ptr<Tries> tries, const exchange::Exchange& exchange,
               const exchange::Target& target);

  /// Frames that go out. @return false: there is nothing to continue with any more
  bool see(std::string_view frames);
  /// Makes the second call. @param notes  of the first one; may be null
  /// @return whether it answers
  Task<bool> begin(exchange::NotesPtr notes);
  bool begun() const { return answer_ != nullptr; }
  /// What of the second stream goes out next. Errors: as generation::Content; upstream when it
  /// differs from what is out
  Task<Result<net::Piece>> next();

  void lead_to(const net::Companion* next);
  void cancel();
  dialect::Usage usage() const;
  /// Whether the second stream came to its end.
  bool whole() const { return whole_; }

 private:
  std::shared_ptr<Tries> tries_;
  exchange::Call::Given given_;
  exchange::Target target_;
  Clock::time_point arrived_;
  dialect::Splice splice_;
  std::unique_ptr<exchange::Call> call_;
  generation::GenerationPtr answer_;
  const net::Companion* leads_to_ = nullptr;
  std::string joined_;
  bool whole_ = false;
};

}  // namespace hawser::stage::attempt
