// Asks once and prints the answer.
#include <hawser/client.hpp>
#include <iostream>

int main() {
  hawser::Client client;
  const auto answer = client.chat({.model = "gpt-4o-mini", .messages = {{"user", "Say hello."}}});
  if (!answer) {
    std::cerr << hawser::to_string(answer.error().type) << ": " << answer.error().message << '\n';
    return 1;
  }
  std::cout << answer->text << '\n';
}
