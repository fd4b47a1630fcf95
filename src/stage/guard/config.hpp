#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "config/fields.hpp"
#include "http/breaker.hpp"
#include "http/endpoint.hpp"

namespace hawser::stage::guard {

/// How a guard is asked and answers.
enum class Form : std::uint8_t { json, openai_moderation };
inline auto names_of(Form) {
  static constexpr config::EnumName<Form> names[] = {
      {Form::json, "json"}, {Form::openai_moderation, "openai_moderation"}};
  return std::span(names);
}

enum class Where : std::uint8_t { prompt, answer, both };
inline auto names_of(Where) {
  static constexpr config::EnumName<Where> names[] = {
      {Where::prompt, "prompt"}, {Where::answer, "answer"}, {Where::both, "both"}};
  return std::span(names);
}

/// When the provider is asked.
enum class Order : std::uint8_t { before, parallel };
inline auto names_of(Order) {
  static constexpr config::EnumName<Order> names[] = {{Order::before, "before"},
                                                      {Order::parallel, "parallel"}};
  return std::span(names);
}

/// What holds where the guard gave no verdict.
enum class Without : std::uint8_t { closed, open };
inline auto names_of(Without) {
  static constexpr config::EnumName<Without> names[] = {{Without::closed, "closed"},
                                                        {Without::open, "open"}};
  return std::span(names);
}

struct GuardConfig {
  std::string name{};
  http::EndpointConfig endpoint{};
  Form form = Form::json;
  std::string model{};
  config::Map<double> categories{};
  Where in = Where::prompt;
  Order order = Order::before;
  Without on_timeout = Without::closed;
  std::chrono::milliseconds deadline{300};
  Bytes text_max{256 * 1024};
  std::uint32_t window = 512;
  std::chrono::milliseconds window_time{1'000};
  std::chrono::milliseconds verdicts_kept{300'000};
  std::uint32_t verdicts_max = 10'000;
  http::BreakerConfig breaker{};
  std::vector<std::string> tenants{};
  std::vector<std::string> pass_unread{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("name", name, config::Required{}, "Name in refusals and figures.");
    endpoint.fields(field);
    field("form", form, config::Anything{},
          "json: POST {id, tenant, model, direction, text}, answered by {allow, reason}; "
          "openai_moderation: OpenAI's /v1/moderations and what speaks like it.");
    field("model", model, config::Anything{}, "Model of openai_moderation; empty: its default.");
    field("categories", categories, config::Anything{},
          "openai_moderation: scores from which a category blocks; empty: what is flagged does.");
    field("in", in, config::Anything{}, "What it judges.");
    field(
        "mode", order, config::Anything{},
        "before: the provider is asked when the prompt is allowed; parallel: at once, but nothing "
        "of the answer leaves before.");
    field("on_timeout", on_timeout, config::Required{},
          "Where it gives no verdict (time, error, too long a text): open passes, closed blocks.");
    field("deadline", deadline, config::Range<milliseconds>{10ms, 60s},
          "How long a verdict is waited for.");
    field("text_max", text_max, config::Range<Bytes>{Bytes{1024}, Bytes{16 * 1024 * 1024}},
          "Longer texts are not sent: on_timeout holds.");
    field("window", window, config::Range<std::uint32_t>{64, 65'536},
          "Bytes of a streamed answer's text that are judged together and held back until then.");
    field("window_time", window_time, config::Range<milliseconds>{50ms, 30s},
          "A shorter text is judged after so long.");
    field("verdicts_kept", verdicts_kept, config::Range<milliseconds>{0ms, 24h},
          "For how long a verdict on the same text of the same tenant holds.");
    field("verdicts_max", verdicts_max, config::Range<std::uint32_t>{0, 1'000'000},
          "How many verdicts each worker keeps.");
    field("breaker", breaker, config::Anything{}, "When it fails again and again.");
    field("tenants", tenants, config::Anything{}, "Only for these tenants; empty: all.");
    field(
        "pass_unread", pass_unread, config::Anything{},
        "Operations that pass although the guard concerns them and has no text of them to judge, "
        "such as audio or files; where on_timeout is closed all others are refused then. The words "
        "of keys[].operations.");
  }
  std::vector<config::Problem> check() const;
};

}  // namespace hawser::stage::guard
