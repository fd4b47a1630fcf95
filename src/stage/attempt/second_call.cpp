#include "stage/attempt/second_call.hpp"

#include <algorithm>

#include "stage/attempt/tries.hpp"
#include "telemetry/log.hpp"

namespace hawser::stage::attempt {
SecondCall::SecondCall(std::shared_ptr<Tries> tries, const AttemptRequest& request,
                       const exchange::Target& target, net::ByteLease lease)
    : tries_(std::move(tries)),
      decision_(request.decision()),
      given_(request.copy()),
      target_(target),
      arrived_(request.arrived()),
      splice_(given_.body, tries_->provider_of(target).prefill()),
      lease_(std::move(lease)),
      kept_(lease_.bytes()) {}

bool SecondCall::see(net::Piece& piece) {
  constexpr std::uint64_t step = 64 * 1024;
  splice_.see(piece.bytes);
  kept_ += piece.bytes.size();
  if (!splice_.possible()) return false;
  return kept_ <= lease_.bytes() || lease_.try_grow(std::max(step, kept_ - lease_.bytes()));
}

Task<bool> SecondCall::begin(exchange::NotesPtr notes) {
  const auto now = Clock::now();
  const auto kind = splice_.kind();
  if (!kind || !tries_->budget.available(now)) co_return false;
  tries_->budget.spend(now);
  given_.body = splice_.second_body(given_.body);
  FurtherCall::Terms terms;
  terms.arrived = arrived_;
  terms.notes = std::move(notes);
  call_ = std::make_unique<FurtherCall>(decision_, std::move(given_), std::move(terms));
  if (!call_->valid()) co_return false;
  Try one;
  one.target = &target_;
  not_charged_.reset();
  Tried tried = co_await tries_->once(call_->request(), one);
  not_charged_ = attempt::not_charged(tried.failure);
  const bool answers = tried.stream != nullptr && tried.failure.reached == Reached::content_out;
  log::info("a broken stream is continued", {{"request_id", log::safe(call_->request().id())},
                                             {"target", log::safe(target_.name)},
                                             {"how", log::safe(dialect::name_of(*kind))},
                                             {"answers", answers}});
  if (!answers) co_return false;
  tries_->counts.shard->add(tries_->counts.splices[static_cast<std::size_t>(*kind)]);
  answer_ = std::move(tried.answer);
  answer_->content().lead_to(leads_to_);
  co_return true;
}

Task<Result<net::Piece>> SecondCall::next() {
  for (;;) {
    auto piece = co_await answer_->content().next();
    if (!piece) co_return piece;
    auto joined = splice_.join(piece->bytes);
    if (!joined) co_return joined.error();
    joined_ = std::move(*joined);
    whole_ = piece->last;
    if (joined_.empty() && !piece->last) continue;
    const std::uint32_t events = joined_.empty() ? 0 : std::max(piece->events, 1u);
    co_return net::Piece{.bytes = joined_, .last = piece->last, .events = events};
  }
}

void SecondCall::lead_to(const net::Companion* next) {
  leads_to_ = next;
  if (answer_) answer_->content().lead_to(next);
}

void SecondCall::cancel() {
  if (answer_) {
    answer_->content().cancel();
  } else if (call_) {
    call_->cancel();
  }
}

dialect::Usage SecondCall::usage() const {
  return answer_ ? answer_->content().usage() : dialect::Usage();
}

}  // namespace hawser::stage::attempt
