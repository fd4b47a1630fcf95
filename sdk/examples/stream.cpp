// Prints an answer as it comes.
#include <hawser/client.hpp>
#include <iostream>

int main() {
  hawser::Client client;
  const hawser::ChatRequest request{.model = "gpt-4o-mini",
                                    .messages = {{"user", "Tell me about ropes."}}};
  const auto answer = client.chat_stream(request, [](std::string_view text) {
    std::cout << text << std::flush;
    return true;
  });
  std::cout << '\n';
  if (!answer) std::cerr << answer.error().message << '\n';
  return answer ? 0 : 1;
}
