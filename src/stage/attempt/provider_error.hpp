#pragma once

#include <string_view>

#include "base/result.hpp"
#include "wire/http1.hpp"

namespace hawser::stage::attempt {

/// The word of our taxonomy for a provider's status.
Code code_of_status(int status);
/// The same of an answer of another gateway, which tells the word itself.
Code code_of_gateway(const wire::ResponseHead& head);
/// Whether an error answer says that the account has nothing left: by its status, or by a code
/// beside 429 or 403. A client can make a provider repeat its words in a message, so these are not
/// believed.
bool out_of_quota(int status, std::string_view body);
/// Whether an error answer is about the credential that was sent. Some say so by 403, or by 400 and
/// a code.
/// Source: the error references of OpenAI, Anthropic, Google, AWS and xAI.
bool about_credential(int status, std::string_view body);

}  // namespace hawser::stage::attempt
