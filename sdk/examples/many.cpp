// Streams many answers at once, each from one of several addresses, and counts what became of them.
//
//   many TRANSPORT COUNT EVENTS URL...      one thread an URL, one client a thread
#include <atomic>
#include <cstdlib>
#include <hawser/client.hpp>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Tally {
  std::atomic<int> left{0};
  std::atomic<int> whole{0}, failed{0}, wrong{0}, resumed{0};
  std::mutex mutex{};
};

std::string counted(int events) {
  std::string text;
  for (int i = 1; i <= events; ++i) text += (i > 1 ? " " : "") + std::to_string(i);
  return text;
}

void run(const std::string& transport, const std::string& url, int events, Tally& tally) {
  hawser::ClientOptions options;
  options.base_url = url;
  const char* const pace = std::getenv("MANY_INTERVAL_MS");  // of the simulated provider
  options.headers = {{"x-sim-interval-ms", pace == nullptr ? "2" : pace}};
  if (transport == "ws") options.transport = hawser::Transport::ws;
  if (transport == "grpc") options.transport = hawser::Transport::grpc;
  hawser::Client client(std::move(options));
  const std::string expected = counted(events);
  for (int number = 0; (number = --tally.left) >= 0;) {
    hawser::ChatRequest request{.model = "m",
                                .messages = {{"user", "count: " + std::to_string(events)}}};
    request.messages.insert(request.messages.begin(),
                            {"system", "number " + std::to_string(number)});
    request.max_tokens = events + 10;
    std::string text;
    const auto answer = client.chat_stream(request, [&](std::string_view piece) {
      text += piece;
      return true;
    });
    if (!answer) {
      const std::lock_guard lock(tally.mutex);
      std::cerr << hawser::to_string(answer.error().type) << ": " << answer.error().message << '\n';
      ++tally.failed;
    } else {
      tally.whole += text == expected ? 1 : 0;
      tally.wrong += text == expected ? 0 : 1;
      tally.resumed += answer->info.resumes;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "many TRANSPORT COUNT EVENTS URL...\n";
    return 2;
  }
  Tally tally;
  tally.left = std::atoi(argv[2]);
  std::vector<std::thread> threads;
  for (int i = 4; i < argc; ++i) {
    threads.emplace_back(
        [&, url = std::string(argv[i])] { run(argv[1], url, std::atoi(argv[3]), tally); });
  }
  for (auto& thread : threads) thread.join();
  std::cout << "{\"whole\":" << tally.whole << ",\"failed\":" << tally.failed
            << ",\"wrong\":" << tally.wrong << ",\"resumed\":" << tally.resumed << "}\n";
  return tally.failed + tally.wrong == 0 ? 0 : 1;
}
