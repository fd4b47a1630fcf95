#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "dialect/usage.hpp"

namespace hawser::exchange {

struct Exchange;
struct Target;
class Notes;

/// Proof that a provider has nothing to charge for a call. Nothing else gives back what was taken
/// for a call that began.
class NotCharged {
 public:
  enum class Proof : std::uint8_t {
    not_connected,
    not_sent_whole,  // half a request cannot be run
    not_read,        // its connection ended before it was read, its stream was refused
    refused,         // answered with an error in place of any content
  };
  explicit constexpr NotCharged(Proof proof) : proof_(proof) {}
  constexpr Proof proof() const { return proof_; }

 private:
  Proof proof_;
};

/// How an answer ended, and what its provider told of its usage.
struct Told {
  dialect::Usage usage{};
  bool final = false;  // its last word; else at least so much was used
  bool whole = false;  // the answer came to its end
};

/// What an exchange has taken of its limits. Owned by the exchange, then by the content of its
/// answer. Each call that begins is charged in exactly one way: by what its provider told at the
/// end; by what was seen of its answer and was reserved for it, where that is not known; or not at
/// all, by proof. One that is dropped under way is charged as not known.
class Reservation {
 public:
  virtual ~Reservation() = default;
  /// @param bytes   of the answer, as they pass: whole events of a stream
  /// @param events  how many; 0: not a stream
  virtual void see(std::string_view bytes, std::uint32_t events) = 0;
  /// The next call goes to this target, or to the same one again: what is set for targets is taken
  /// there, and what was held of the one before goes back. Told before `trail.target` is.
  /// @return false: it has no room, and nothing has changed
  virtual bool moves_to(const Exchange& exchange, const Target& target) = 0;
  /// Where it is taken now, of limits that are set for targets; null: nowhere.
  virtual const Target* taken_at() const = 0;
  /// A call begins.
  virtual void begins(const Target& target, std::uint32_t attempt) = 0;
  /// A second one begins while the first is under way. @return false: there is no room for it
  virtual bool begins_beside(const Exchange& exchange, const Target& target,
                             std::uint32_t attempt) = 0;
  /// A call came to nothing. @param proof  that it is not charged
  virtual void failed(std::uint32_t attempt, Code code, std::optional<NotCharged> proof) = 0;
  /// This one answers: from here on the reservation belongs to its content.
  virtual void answers(std::uint32_t attempt) = 0;
  /// The answer broke and is to be gone on with by a further call of the same target: that answer
  /// is settled. @return false: there is no room for a further call, which does not begin
  virtual bool answers_again(const Told& broken) = 0;
  /// The further call came to nothing.
  virtual void not_answered_again(std::optional<NotCharged> proof) = 0;
  /// Once, at the end.
  virtual void settle(const Told& told) = 0;
  /// Of its exchange, where any are taken.
  virtual Notes* notes() { return nullptr; }
};

}  // namespace hawser::exchange
