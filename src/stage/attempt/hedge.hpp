#pragma once

#include <algorithm>

#include "exchange/call.hpp"
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
bool may_hedge(const exchange::Exchange& exchange);

/// What came of a try that was hedged.
struct Hedged {
  Tried tried{};
  const exchange::Target* target = nullptr;  // that it is of
  std::uint32_t attempt = 0;                 // its number
  health::Load load{};                       // of that target
};

/// Asks the walk's target and, where nothing has come after `after`, the next one too. The first
/// content wins; the other request is cancelled, and booked as an attempt of its own.
class Race {
 public:
  Race(Tries& tries, net::Reactor& reactor, exchange::Exchange& exchange, Walk& walk)
      : tries_(tries), exchange_(exchange), walk_(walk), wake_(reactor) {}

  Task<Hedged> run(milliseconds after, HedgeBudget& budget);

 private:
  /// One of the two requests.
  struct Side {
    const exchange::Target* target = nullptr;
    std::uint32_t attempt = 0;
    health::Load load{};
    Tried tried{};
    bool begun = false;
    bool done = false;
    bool answers() const { return done && tried.failure.reached == Reached::content_out; }
  };
  Detached ask(Side& side, exchange::Exchange& exchange);
  Task<bool> begin_second();
  Hedged take(Side& winner, Side& loser);

  Tries& tries_;
  exchange::Exchange& exchange_;
  Walk& walk_;
  net::Waiter wake_;
  Side first_{};
  Side second_{};
  std::unique_ptr<exchange::Call> call_{};  // the second request
};

}  // namespace hawser::stage::attempt
