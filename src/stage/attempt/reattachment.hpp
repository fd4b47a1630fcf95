#pragma once

#include <memory>
#include <string>

#include "net/cancellation.hpp"
#include "stage/attempt/attempt_request.hpp"
#include "stage/attempt/continuation.hpp"
#include "stage/attempt/link.hpp"

namespace hawser::stage::attempt {

/// Takes "id: GENERATION.EPOCH.SEQ" lines and heartbeats out of whole events of another gateway:
/// they are for this hop.
class HopLines {
 public:
  /// @return the same events without them; the view lives until the next call
  std::string_view take_out(std::string_view events);
  /// Of the last event that was seen, for Last-Event-ID: its id, or its number where events have
  /// none; empty: none was.
  std::string cursor() const;

 private:
  std::string kept_{};
  std::string last_id_{};
  std::uint64_t events_ = 0;
};

/// A stream of another gateway that broke is taken up there, behind the last event that came: the
/// generation went on meanwhile, and nothing is paid twice. As often as it breaks.
class Reattachment final : public Continuation {
 public:
  /// @param generation  its id there
  /// @param silence     behind which its path is dead; max(): it promised no heartbeats
  Reattachment(std::shared_ptr<Tries> tries, const AttemptRequest& request,
               const exchange::Target& target, std::string generation, milliseconds silence);
  /// Left before its end, the generation there is cancelled: nobody will come back to it.
  ~Reattachment() override;
  Reattachment(const Reattachment&) = delete;
  Reattachment& operator=(const Reattachment&) = delete;

  bool see(net::Piece& piece) override;
  Task<bool> begin(exchange::NotesPtr notes) override;
  bool begun() const override { return begun_; }
  bool spliced() const override { return false; }
  Task<Result<net::Piece>> next() override;
  void lead_to(const net::Companion* next) override;
  void cancel() override;
  dialect::Usage usage() const override;
  bool finished() const override;
  bool whole() const override { return whole_; }
  bool calls_again() const override { return false; }
  std::optional<exchange::NotCharged> not_charged() const override { return std::nullopt; }

 private:
  Task<bool> take_up();
  enum class Found : std::uint8_t { stream, end, gone, nothing };
  Task<Found> ask();
  exchange::Call::Given call_of(std::string_view method, std::string_view verb) const;
  static Task<> stop(std::shared_ptr<Tries> tries, Decision decision, exchange::Call::Given given,
                     exchange::Target target);

  std::shared_ptr<Tries> tries_;
  Decision decision_;
  exchange::Call::Given given_;  // the fields that every call of it needs; no body
  exchange::Target target_;
  dialect::Api api_;
  std::string generation_;
  milliseconds silence_;
  HopLines lines_;
  std::unique_ptr<FurtherCall> call_;
  generation::GenerationPtr answer_;
  const net::Companion* leads_to_ = nullptr;
  net::Waiter pause_;
  LinkRetry retry_;
  dialect::Usage past_{};  // of what came before the last break
  bool finished_ = false;  // by what came before the last break
  bool begun_ = false;
  bool whole_ = false;
  bool cancelled_ = false;
};

}  // namespace hawser::stage::attempt
