#include "stage/attempt/answer_form.hpp"

#include <algorithm>

#include "provider/provider.hpp"

namespace hawser::stage::attempt {
namespace {

bool is_event_stream(const wire::ResponseHead& head) {
  const auto* type = head.find("content-type");
  return type != nullptr && type->value.size() >= 17 &&
         wire::same_token(type->value.substr(0, 17), "text/event-stream");
}

}  // namespace

bool is_coded(const wire::ResponseHead& head) {
  if (head.framing == wire::Framing::none) return false;  // there is no body
  return std::any_of(head.fields.begin(), head.fields.end(), [](const wire::Field& field) {
    return wire::same_token(field.name, "content-encoding") &&
           !wire::same_token(field.value, "identity") && !field.value.empty();
  });
}

generation::AnswerHead answer_head(const wire::ResponseHead& head, bool own_limits, bool gateway) {
  generation::AnswerHead out;
  out.status = head.status;
  provider::copy_answer_fields(head, !own_limits, gateway, out.fields);
  out.event_stream = is_event_stream(head);
  out.bodiless = head.framing == wire::Framing::none;
  // A stream gets ids and heartbeats on its way, or loses what a filter takes out.
  const bool sized = head.framing == wire::Framing::length && !out.event_stream;
  if (sized) out.length = head.content_length;
  return out;
}

void relabel(generation::AnswerHead& head, bool events) {
  std::string fields = events ? "Content-Type: text/event-stream; charset=utf-8\r\n"
                              : "Content-Type: application/json\r\n";
  for (std::string_view rest = head.fields; !rest.empty();) {
    const auto end = std::min(rest.find("\r\n"), rest.size() - 2) + 2;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end);
    if (!wire::same_token(line.substr(0, line.find(':')), "content-type")) fields.append(line);
  }
  head.fields = std::move(fields);
  head.event_stream = events;
  head.length.reset();
}

AnswerContent::Expected expected_of(const AttemptRequest& request,
                                    const generation::AnswerHead& head, bool tells_usage) {
  const auto& message = request.message();
  AnswerContent::Expected expected;
  expected.format = dialect::format_of(message.endpoint);
  expected.events = head.event_stream;
  expected.streams = message.facts.stream;
  expected.choices = message.facts.choices;
  expected.strips_usage = tells_usage && request.decision().hides_usage();
  // What reads or stops an answer is told its usage again.
  const std::string_view tail = message.endpoint.tail;
  expected.counts = request.method() == "POST" && !tail.ends_with("/cancel");
  return expected;
}

}  // namespace hawser::stage::attempt
