#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "http/body_reader.hpp"
#include "sim/journal.hpp"
#include "sim/openai.hpp"
#include "sim/plan.hpp"
#include "sim/replay.hpp"

namespace hawser::sim {

namespace asio = boost::asio;

/// What all connections share; the simulator runs on one thread.
struct World {
  net::Reactor& reactor;
  net::BlockPool& blocks;
  std::string require_key{};
  Planner planner{};
  Replay replay{};
  OpenAi openai{};
  Journal journal{};
};

/// One client of the simulator: reads requests, answers each by its plan, faults included.
class Connection final : private net::HangupWatch {
 public:
  Connection(World& world, std::unique_ptr<net::Stream> stream);
  ~Connection();
  Task<> run();

 private:
  Task<bool> serve();
  Task<bool> read_body(std::string& body);
  Answer choose(const std::string& body, const Plan& plan);
  std::optional<Answer> control() const;
  bool credential_fits() const;
  Plan plan_of(const std::string& body, std::optional<Answer>& refusal, bool counts);

  Task<bool> send_answer(Answer answer, const Plan& plan);
  Task<bool> send_whole(const Answer& answer, const Plan& plan);
  Task<bool> send_stream(const Answer& answer, const Plan& plan);
  Task<bool> send_part(std::string_view part, const Plan& plan);
  Task<bool> send(std::string_view bytes);
  Task<bool> fail_here(const Plan& plan);
  Task<bool> sleep(double ms);
  std::string head_of(const Answer& answer, const Plan& plan, std::size_t length) const;
  void hung_up() override { timer_.cancel(); }

  World& world_;
  std::unique_ptr<net::Stream> stream_;
  net::InBuffer in_;
  http::BodyReader body_;
  wire::RequestHead head_;
  std::string head_bytes_;
  asio::steady_timer timer_;  // finer than the timer wheel
  net::Waiter sleep_;
  Entry* entry_ = nullptr;
  std::uint64_t number_;
};

}  // namespace hawser::sim
