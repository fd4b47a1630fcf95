#pragma once

#include "stage/attempt/answer_content.hpp"
#include "stage/attempt/attempt_request.hpp"
#include "wire/http1.hpp"

namespace hawser::stage::attempt {

/// Whether the answer is packed. We ask for none that is: filters, guards and accounts read it.
bool is_coded(const wire::ResponseHead& head);

/// The head of an answer as it goes on.
/// @param own_limits  told in place of the provider's
/// @param gateway     it comes from another gateway
generation::AnswerHead answer_head(const wire::ResponseHead& head, bool own_limits, bool gateway);

/// Has the head say what the answer is, whatever its provider called it.
/// @param events  it is a stream of events; else a JSON body
void relabel(generation::AnswerHead& head, bool events);

/// What a request expects of its answer.
/// @param tells_usage  the provider is asked for the usage of a stream where the client is not
AnswerContent::Expected expected_of(const AttemptRequest& request,
                                    const generation::AnswerHead& head, bool tells_usage);

}  // namespace hawser::stage::attempt
