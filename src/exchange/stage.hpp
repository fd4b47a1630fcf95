#pragma once

#include <boost/assert.hpp>
#include <memory>
#include <span>
#include <vector>

#include "exchange/exchange.hpp"
#include "generation/generation.hpp"

namespace hawser::exchange {

class Stage;
using Answer = Result<generation::GenerationPtr>;

/// The rest of the pipeline as one stage sees it. Call it 0 times to answer early (cache, refusal),
/// once to pass on, several times to try again.
class Next {
 public:
  explicit Next(std::span<const std::unique_ptr<Stage>> rest) : rest_(rest) {}
  Task<Answer> operator()(Exchange& exchange) const;

 private:
  std::span<const std::unique_ptr<Stage>> rest_;
};

/// One policy step. A stage belongs to one worker, so it needs no lock; what workers share comes
/// in by reference through its constructor.
class Stage {
 public:
  virtual ~Stage() = default;

  /// Runs this step around the rest. `exchange` outlives the returned coroutine.
  /// Failures are values; an exception that leaves here is a bug and ends the connection.
  virtual Task<Answer> run(Exchange& exchange, Next next) = 0;

  /// Of the outermost stage: an exchange that it ran is over, behind all that was to be completed.
  virtual void over(const Exchange& exchange) { (void)exchange; }
};

// Not a coroutine: passing on costs a virtual call, not a frame.
inline Task<Answer> Next::operator()(Exchange& exchange) const {
  BOOST_ASSERT_MSG(!rest_.empty(), "the last stage answers; it never calls next");
  return rest_.front()->run(exchange, Next(rest_.subspan(1)));
}

/// An answer that waits for nothing, for stages that refuse or pass on.
inline Task<Answer> answer_now(Error error) {
  co_return error;
}
inline Task<Answer> answer_with(generation::GenerationPtr answer) {
  co_return std::move(answer);
}

/// The stages of one worker, in order, and the way in.
class Pipeline {
 public:
  explicit Pipeline(std::vector<std::unique_ptr<Stage>> stages) : stages_(std::move(stages)) {}
  /// Runs the exchange through the stages, which then live as long as it does.
  static Task<Answer> run(const std::shared_ptr<const Pipeline>& pipeline, Exchange& exchange) {
    exchange.pipeline = pipeline;
    return Next(pipeline->stages_)(exchange);
  }
  /// Told by each exchange that ran, once.
  void over(const Exchange& exchange) const {
    if (!stages_.empty()) stages_.front()->over(exchange);
  }

 private:
  std::vector<std::unique_ptr<Stage>> stages_;
};

}  // namespace hawser::exchange
