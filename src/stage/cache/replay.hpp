#pragma once

#include "generation/generation.hpp"
#include "net/reactor.hpp"
#include "stage/cache/shelf.hpp"

namespace hawser::stage::cache {

/// A stored stream, given again event by event: as fast as the client takes it, or at a pace.
class Replay final : public generation::Content {
 public:
  /// @param frames  a whole stream
  /// @param pause   between two events; 0: none
  Replay(net::Reactor& reactor, std::string frames, const dialect::Usage& usage,
         Clock::duration pause);

  Task<Result<net::Piece>> next() override;
  void lead_to(const net::Companion*) override {}
  dialect::Usage usage() const override { return usage_; }
  bool finished() const override { return at_ == frames_.size(); }
  bool spliced() const override { return false; }
  void cancel() override;

 private:
  Task<Result<net::Piece>> next_paced();
  net::Piece take(std::size_t events_max);

  std::string frames_;
  std::size_t at_ = 0;
  dialect::Usage usage_;
  Clock::duration pause_;
  net::Waiter waiter_;
  bool cancelled_ = false;
};

/// "paced;tps=200" of x-hawser-replay: how long to wait after each event. Anything else: not at
/// all.
Clock::duration pause_of(std::string_view replay);

}  // namespace hawser::stage::cache
