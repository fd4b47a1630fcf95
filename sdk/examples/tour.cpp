// Every call of the client once, with the options that the environment names:
// TOUR_PROXY, TOUR_PIN, TOUR_CA, TOUR_TRANSPORT, TOUR_TOKEN_URL (with TOUR_CLIENT_ID,
// TOUR_CLIENT_SECRET).
#include <cstdlib>
#include <hawser/client.hpp>
#include <iostream>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <class T>
bool say(const char* what, const hawser::Outcome<T>& outcome, const std::string& result) {
  std::cout << what << ": ";
  if (outcome) {
    std::cout << result << '\n';
  } else {
    std::cout << hawser::to_string(outcome.error().type) << " " << outcome.error().status << " "
              << outcome.error().message << '\n';
  }
  return static_cast<bool>(outcome);
}

int tour() {
  hawser::ClientOptions options;
  options.proxy = variable("TOUR_PROXY");
  options.ca_file = variable("TOUR_CA");
  if (!variable("TOUR_PIN").empty()) options.pins = {variable("TOUR_PIN")};
  if (variable("TOUR_TRANSPORT") == "ws") options.transport = hawser::Transport::ws;
  if (variable("TOUR_TRANSPORT") == "grpc") options.transport = hawser::Transport::grpc;
  options.oauth = {variable("TOUR_TOKEN_URL"), variable("TOUR_CLIENT_ID"),
                   variable("TOUR_CLIENT_SECRET"), "llm"};
  // A wait that suits an interactive program: three tries, 4 to 10 seconds apart.
  options.retry = {
      .retries_max = 2, .wait_min = std::chrono::seconds(4), .wait_max = std::chrono::seconds(10)};
  hawser::Client client(std::move(options));
  bool fine = true;

  const auto models = client.models();
  fine = say("models", models, models && !models->empty() ? models->front() : "") && fine;

  const auto chat = client.chat({.model = "m", .messages = {{"user", "count: 3"}}});
  fine = say("chat", chat, chat ? chat->text : "") && fine;

  std::string streamed;
  const auto stream = client.chat_stream({.model = "m", .messages = {{"user", "count: 4"}}},
                                         [&](std::string_view text) {
                                           streamed += text;
                                           return true;
                                         });
  fine = say("chat_stream", stream, streamed) && fine;

  const auto response = client.response({.model = "m", .input = "count: 5"});
  fine = say("response", response, response ? response->text + " " + response->status : "") && fine;

  std::string pieces;
  const auto responding =
      client.response_stream({.model = "m", .input = "count: 6"}, [&](std::string_view text) {
        pieces += text;
        return true;
      });
  fine = say("response_stream", responding, pieces) && fine;

  const auto vectors = client.embed("m", {"a", "b"});
  fine = say("embed", vectors, vectors ? std::to_string(vectors->vectors.size()) : "") && fine;
  return fine ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return tour();
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 2;
  }
}
