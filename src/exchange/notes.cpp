#include "exchange/notes.hpp"

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
  void failed(const Target& target, std::uint32_t attempt, Code code) override {
    if (inner_) inner_->failed(target, attempt, code);
  }
  void answers(const Target& target, std::uint32_t attempt) override {
    if (inner_) inner_->answers(target, attempt);
  }
  void settle(const dialect::Usage& usage, bool whole) override {
    if (inner_) inner_->settle(usage, whole);  // tells its cost
    notes_->usage = usage;
    notes_->whole = whole;
    notes_->settled = true;
  }
  Notes* notes() override { return notes_.get(); }

 private:
  NotesPtr notes_;
  std::unique_ptr<Reservation> inner_;
};

}  // namespace

std::unique_ptr<Reservation> note_usage(NotesPtr notes, std::unique_ptr<Reservation> inner) {
  return std::make_unique<Noted>(std::move(notes), std::move(inner));
}

}  // namespace hawser::exchange
