#pragma once

#include <string>

#include "wire/http1.hpp"

namespace hawser::stage::record {

/// Whether a request says of itself that it repeats one that came to nothing: the count of an SDK's
/// retries, or its client's own word (x-hawser-reattach: on). An Idempotency-Key is looked at
/// elsewhere.
bool repeats(const wire::RequestHead& head);

/// Appends what a request's query and header fields mean to its provider: of two requests with
/// equal bodies that differ there, one does not repeat the other.
void append_meaning(const wire::RequestHead& head, std::string& out);

}  // namespace hawser::stage::record
