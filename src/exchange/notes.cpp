#include "exchange/notes.hpp"

#include "base/lazy.hpp"
#include "exchange/exchange.hpp"

namespace hawser::exchange {
namespace {

class Noted final : public Reservation {
 public:
  Noted(NotesPtr notes, std::unique_ptr<Reservation> inner)
      : notes_(std::move(notes)), inner_(std::move(inner)) {}

  void see(std::string_view bytes, std::uint32_t events) override {
    notes_->answer_bytes += bytes.size();
    if (inner_) inner_->see(bytes, events);
  }
  bool moves_to(const Exchange& exchange, const Target& target) override {
    return inner_ == nullptr || inner_->moves_to(exchange, target);
  }
  const Target* taken_at() const override { return inner_ ? inner_->taken_at() : nullptr; }
  void begins(const Target& target, std::uint32_t attempt) override {
    if (inner_) inner_->begins(target, attempt);
  }
  bool begins_beside(const Exchange& exchange, const Target& target,
                     std::uint32_t attempt) override {
    return inner_ == nullptr || inner_->begins_beside(exchange, target, attempt);
  }
  void failed(std::uint32_t attempt, Code code, std::optional<NotCharged> proof) override {
    if (inner_) inner_->failed(attempt, code, proof);
  }
  void answers(std::uint32_t attempt) override {
    if (inner_) inner_->answers(attempt);
  }
  bool answers_again(const Told& broken) override {
    dialect::Usage before = before_.get();
    dialect::add_usage(before, broken.usage);
    before_.set(before);
    const bool again = inner_ == nullptr || inner_->answers_again(broken);
    if (!again) note({});
    return again;
  }
  void not_answered_again(std::optional<NotCharged> proof) override {
    if (inner_) inner_->not_answered_again(proof);
    note({});
  }
  void settle(const Told& told) override {
    if (inner_) inner_->settle(told);  // tells its cost
    note(told);
  }
  Notes* notes() override { return notes_.get(); }

 private:
  void note(const Told& told) {
    notes_->usage = told.usage;
    dialect::add_usage(notes_->usage, before_.get());
    notes_->whole = told.whole;
    notes_->settled = true;
  }

  Lazy<dialect::Usage> before_{};  // of answers that broke and were gone on with
  NotesPtr notes_;
  std::unique_ptr<Reservation> inner_;
};

}  // namespace

std::unique_ptr<Reservation> note_usage(NotesPtr notes, std::unique_ptr<Reservation> inner) {
  return std::make_unique<Noted>(std::move(notes), std::move(inner));
}

}  // namespace hawser::exchange
