#pragma once

#include <algorithm>
#include <functional>

#include "stage/attempt/tries.hpp"
#include "stage/attempt/walk.hpp"

namespace hawser::stage::attempt {

/// Second requests as a share of the first ones: each of those earns a part of one. Nothing is
/// there at the start, and little is saved up.
class HedgeBudget {
 public:
  void earn(std::uint32_t percent) { credit_ = std::min(credit_ + percent / 100.0, saved_max); }
  bool spend() {
    if (credit_ < 1.0) return false;
    credit_ -= 1.0;
    return true;
  }

 private:
  static constexpr double saved_max = 10.0;
  double credit_ = 0;
};

/// Whether the request may be made twice at once: it generates, its body is there, and it neither
/// leaves something behind at the provider nor makes the provider act.
bool may_hedge(const exchange::Request& request);

/// What came of a try, or of two at once.
struct Hedged {
  Tried tried{};
  Try one{};                  // that it came of
  std::uint32_t attempt = 0;  // its number
  health::Load load{};        // of its target
  /// The other one, where there were two.
  struct Lost {
    std::uint32_t attempt = 0;
    Code code = Code::cancelled;
    std::optional<exchange::NotCharged> proof{};
  };
  std::optional<Lost> lost{};
};

/// Asks the walk's target and, where nothing has come after `after`, the next one too. The first
/// content wins; the other request is cancelled, and booked as an attempt of its own.
class Race {
 public:
  /// Whether what is set for a target has room for a second call, which is taken.
  using Room = std::function<bool(const exchange::Target& target, std::uint32_t attempt)>;
  Race(Tries& tries, const AttemptRequest& request, Walk& walk, Room room)
      : tries_(tries),
        request_(request),
        walk_(walk),
        room_(std::move(room)),
        wake_(tries.reactor()) {}

  /// @param attempt  the number of the first try, which is to begin as that one
  Task<Hedged> run(Try first, std::uint32_t attempt, milliseconds after, HedgeBudget& budget);

 private:
  /// One of the two requests.
  struct Side {
    Try one{};
    std::uint32_t attempt = 0;
    health::Load load{};
    Tried tried{};
    bool begun = false;
    bool done = false;
    bool answers() const { return done && tried.failure.reached == Reached::content_out; }
  };
  Detached ask(Side& side, const AttemptRequest& request);
  void begin_second();
  Hedged take(Side& winner, Side& loser);

  Tries& tries_;
  const AttemptRequest& request_;
  Walk& walk_;
  Room room_;
  net::Waiter wake_;
  std::size_t from_ = 0;  // the walk's place before the second one
  Side first_{};
  Side second_{};
  net::Cancellation second_ends_{};
  std::optional<AttemptRequest> again_{};  // the second request
};

}  // namespace hawser::stage::attempt
