#include "cli/tunnel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <csignal>
#include <hawser/client.hpp>
#include <iostream>
#include <thread>

namespace hawser::cli {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::uint64_t body_max = 512ull * 1024 * 1024;

CancelToken* interrupted = nullptr;  // a signal handler has no other way to it
void interrupt(int) {
  interrupted->cancel();
}

/// "wss://host/v1/tunnel" to "https://host/v1".
std::string base_url_of(std::string to) {
  if (to.rfind("wss://", 0) == 0) to.replace(0, 3, "https");
  if (to.rfind("ws://", 0) == 0) to.replace(0, 2, "http");
  constexpr std::string_view end = "/tunnel";
  if (to.size() > end.size() && to.compare(to.size() - end.size(), end.size(), end) == 0) {
    to.resize(to.size() - end.size());
  }
  return to;
}

/// What may go on of the headers on either side.
bool goes_on(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const std::string_view own :
       {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade",
        "content-length", "host", "authorization", "x-api-key", "api-key", "expect",
        "proxy-authorization"}) {
    if (lower == own) return false;
  }
  return true;
}

/// Ends the call when the local client goes: on the same machine that is its user's will.
class Watch {
 public:
  Watch(int fd, CancelToken& token)
      : thread_([this, fd, &token] {
          while (!done_) {
            pollfd entry{fd, POLLRDHUP, 0};
            if (::poll(&entry, 1, 50) > 0 &&
                (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
              token.cancel();
              return;
            }
          }
        }) {}
  ~Watch() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::thread thread_;
};

/// One answer as it goes out to the local client, chunked.
class Answer {
 public:
  explicit Answer(tcp::socket& socket) : socket_(socket) {}

  bool head(int status, const RawCall::Headers& headers) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " \r\n";
    for (const auto& [name, value] : headers) {
      if (goes_on(name)) text.append(name).append(": ").append(value).append("\r\n");
    }
    begun_ = true;
    return write(text + "Transfer-Encoding: chunked\r\n\r\n");
  }
  bool content(std::string_view bytes) {
    if (bytes.empty()) return true;
    char size[20];
    const int digits = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    std::string chunk(size, static_cast<std::size_t>(digits));
    return write(chunk.append(bytes).append("\r\n"));
  }
  bool event(const StreamEvent& event) {
    std::string text;
    if (!event.name.empty()) text.append("event: ").append(event.name).append("\n");
    return content(text.append("data: ").append(event.data).append("\n\n"));
  }
  bool end() { return write("0\r\n\r\n"); }
  bool begun() const { return begun_; }
  /// In place of an answer that never came.
  bool refuse(const ApiError& error) {
    std::string message;
    for (const char c : error.message) message += c == '"' || c == '\\' || c < ' ' ? '\'' : c;
    const int status = error.type == ErrorType::timeout ? 504
                       : error.status >= 400            ? error.status
                                                        : 502;
    const std::string body = "{\"error\":{\"message\":\"" + message +
                             "\",\"type\":\"server_error\",\"param\":null,\"code\":\"" +
                             to_string(error.type) + "\"}}";
    return write("HTTP/1.1 " + std::to_string(status) +
                 " \r\nContent-Type: application/json\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body);
  }

 private:
  bool write(std::string_view bytes) {
    boost::system::error_code error;
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), error);
    return !error;
  }

  tcp::socket& socket_;
  bool begun_ = false;
};

/// Passes one request on. False: the connection is over.
bool pass_on(Client& client, tcp::socket& socket, const http::request<http::string_body>& request) {
  RawCall call;
  call.method = std::string(request.method_string());
  std::string target(request.target());
  if (target.rfind("/v1/", 0) == 0) target.erase(0, 3);
  call.path = std::move(target);
  call.body = request.body();
  for (const auto& field : request) {
    const std::string name(field.name_string());
    if (goes_on(name)) call.headers.emplace_back(name, std::string(field.value()));
  }
  Answer answer(socket);
  call.on_head = [&](int status, const RawCall::Headers& headers) {
    return answer.head(status, headers);
  };
  call.on_event = [&](const StreamEvent& event) { return answer.event(event); };
  call.on_content = [&](std::string_view bytes) { return answer.content(bytes); };
  CancelToken token;
  const auto outcome = [&] {
    const Watch watch(socket.native_handle(), token);
    return client.pass(call, &token);
  }();
  if (outcome) return answer.end() && request.keep_alive();
  if (outcome.error().type == ErrorType::cancelled) return false;
  if (!answer.begun()) return answer.refuse(outcome.error()) && request.keep_alive();
  return false;  // cut, not ended: nobody takes it for whole
}

void serve(Client& client, tcp::socket socket) {
  boost::system::error_code error;
  socket.set_option(tcp::no_delay(true), error);
  boost::beast::flat_buffer buffer;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(body_max);
    http::read_header(socket, buffer, parser, error);
    if (error) return;
    if (parser.get()[http::field::expect] == "100-continue") {
      asio::write(socket, asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25), error);
    }
    http::read(socket, buffer, parser, error);
    if (error || !pass_on(client, socket, parser.get())) return;
  }
}

}  // namespace

void add_tunnel_options(CLI::App& command, TunnelOptions& options) {
  command.add_option("--to", options.to, "The remote Hawser: wss://HOST/v1/tunnel")->required();
  command.add_option("--listen", options.listen,
                     "HOST:PORT of the local endpoint; port 0 takes a free one");
  command.add_option("--ca-file", options.ca_file, "Trusted roots (PEM) instead of the system's");
}

int tunnel(const TunnelOptions& options) {
  CancelToken token;
  interrupted = &token;
  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
  std::signal(SIGPIPE, SIG_IGN);
  const auto colon = options.listen.rfind(':');
  try {
    ClientOptions settings;
    settings.base_url = base_url_of(options.to);
    settings.transport = Transport::ws;
    settings.ca_file = options.ca_file;
    Client client(std::move(settings));
    asio::io_context loop;
    const tcp::endpoint at(asio::ip::make_address(options.listen.substr(0, colon)),
                           static_cast<std::uint16_t>(std::stoi(options.listen.substr(colon + 1))));
    tcp::acceptor acceptor(loop, at);
    const auto local = acceptor.local_endpoint();
    std::cout << "listening on http://" << local.address().to_string() << ":" << local.port()
              << "/v1" << std::endl;
    for (;;) {
      pollfd entries[2] = {{acceptor.native_handle(), POLLIN, 0}, {token.descriptor(), POLLIN, 0}};
      if (::poll(entries, 2, -1) < 0 && errno != EINTR) break;
      if (token.cancelled()) break;
      boost::system::error_code error;
      tcp::socket socket = acceptor.accept(error);
      if (error) continue;
      std::thread([&client, s = std::move(socket)]() mutable {
        serve(client, std::move(s));
      }).detach();
    }
    std::cout.flush();
    std::_Exit(0);  // local connections end with the process
  } catch (const std::exception& e) {
    std::cerr << "hawser: " << e.what() << '\n';
    return 2;
  }
}

}  // namespace hawser::cli
