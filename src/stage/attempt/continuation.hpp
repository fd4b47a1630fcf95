#pragma once

#include "exchange/notes.hpp"
#include "exchange/reservation.hpp"
#include "generation/generation.hpp"

namespace hawser::stage::attempt {

class Tries;

/// What a stream goes on with should it break.
class Continuation {
 public:
  virtual ~Continuation() = default;

  /// Whole events that go out; it may take out of them what was meant for this hop.
  /// @return false: there is nothing to continue with any more
  virtual bool see(net::Piece& piece) = 0;
  /// Takes the stream up. @param notes  of the first call; may be null
  /// @return whether it goes on
  virtual Task<bool> begin(exchange::NotesPtr notes) = 0;
  virtual bool begun() const = 0;
  /// What goes out next, once it was begun. Errors: as generation::Content
  virtual Task<Result<net::Piece>> next() = 0;

  virtual void lead_to(const net::Companion* next) = 0;
  virtual void cancel() = 0;
  /// Of what came since it was begun.
  virtual dialect::Usage usage() const = 0;
  /// Where next() fails: whether the answer is all there all the same.
  virtual bool finished() const = 0;
  /// Whether the stream came to its end since.
  virtual bool whole() const = 0;
  /// Whether there were two calls that were paid for.
  virtual bool spliced() const = 0;
  /// Whether it is taken up by a call of its own, which is paid for beside the first; else what it
  /// uses is told with that.
  virtual bool calls_again() const = 0;
  /// Where it did not begin: whether it is proven that its call is not charged.
  virtual std::optional<exchange::NotCharged> not_charged() const = 0;
};

}  // namespace hawser::stage::attempt
