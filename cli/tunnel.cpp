#include "cli/tunnel.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
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

#include "base/credential_headers.hpp"
#include "base/json.hpp"
#include "cli/local_guard.hpp"
#include "cli/tunnel_log.hpp"

namespace hawser::cli {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::uint64_t body_max = 512ull * 1024 * 1024;
constexpr std::uint32_t head_max = 64 * 1024;
using Request = http::request<http::string_body>;

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

/// What may go on of the headers on either side. Who may read here is ours to say.
bool goes_on(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (lower.rfind("access-control-", 0) == 0 || lower.rfind("sec-fetch-", 0) == 0) return false;
  if (is_credential_header(lower)) return false;
  for (const std::string_view own :
       {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade",
        "content-length", "host", "expect", "origin", "referer"}) {
    if (lower == own) return false;
  }
  return true;
}

/// Ends the call when the local client is gone. One that only closed its sending side, as some do
/// behind their request, still waits for its answer.
class Watch {
 public:
  Watch(int fd, CancelToken& token)
      : done_(::eventfd(0, EFD_CLOEXEC)), thread_([this, fd, &token] {
          pollfd entries[2] = {{fd, 0, 0}, {done_, POLLIN, 0}};
          while (::poll(entries, 2, -1) < 0 && errno == EINTR) {
          }
          if ((entries[0].revents & (POLLHUP | POLLERR)) != 0) token.cancel();
        }) {}
  ~Watch() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto wrote = ::write(done_, &one, sizeof one);
    thread_.join();
    ::close(done_);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  int done_;
  std::thread thread_;
};

/// What a local client is told in place of an answer of the gateway's.
struct Refusal {
  int status = 502;
  std::string type{};
  std::string code{};
  std::string message{};

  static Refusal of(const ApiError& error) {
    Refusal refusal;
    refusal.status = error.status >= 400                ? error.status
                     : error.type == ErrorType::timeout ? 504
                                                        : 502;
    refusal.type = refusal.status == 401  ? "authentication_error"
                   : refusal.status < 500 ? "invalid_request_error"
                                          : "server_error";
    refusal.code = to_string(error.type);
    refusal.message = error.message;
    return refusal;
  }
  std::string object() const {
    std::string out = R"({"message":)";
    append_json_string(out, message);
    out.append(R"(,"type":)");
    append_json_string(out, type);
    out.append(R"(,"param":null,"code":)");
    append_json_string(out, code);
    return out.append("}");
  }
};

/// One answer as it goes out to the local client, chunked.
class Answer {
 public:
  /// @param origin  a listed one, which may read it; empty: none asked
  Answer(tcp::socket& socket, std::string origin) : socket_(socket), origin_(std::move(origin)) {}

  bool head(int status, const RawCall::Headers& headers) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " \r\n" + allowed();
    for (const auto& [name, value] : headers) {
      if (goes_on(name)) text.append(name).append(": ").append(value).append("\r\n");
      constexpr std::string_view events = "text/event-stream";
      if (name == "content-type") streams_ = value.compare(0, events.size(), events) == 0;
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
    ++events_;
    return content(text.append("data: ").append(event.data).append("\n\n"));
  }
  bool end() { return write("0\r\n\r\n"); }
  bool begun() const { return begun_; }
  /// Nothing comes for now: a comment, without an empty line, which some take for an event.
  bool heartbeat() { return !streams_ || content(": hb\n"); }
  bool refuse(const Refusal& refusal, bool keep_alive) {
    const std::string body = "{\"error\":" + refusal.object() + "}";
    return write("HTTP/1.1 " + std::to_string(refusal.status) + " \r\n" + allowed() +
                 "Content-Type: application/json\r\n" +
                 (keep_alive ? "" : "Connection: close\r\n") +
                 "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body) &&
           keep_alive;
  }
  /// A stream ends by an error of its API; all else is cut: nobody takes it for whole.
  void break_off(const Refusal& refusal, std::string_view path) {
    if (!streams_) return;
    std::string text;
    if (path.find("/messages") != std::string_view::npos) {
      text = "event: error\ndata: {\"type\":\"error\",\"error\":" + refusal.object() + "}\n\n";
    } else if (path.find("/responses") != std::string_view::npos) {
      text =
          "event: error\ndata: {\"type\":\"error\",\"sequence_number\":" + std::to_string(events_) +
          ",\"code\":";
      append_json_string(text, refusal.code);
      text.append(R"(,"param":null,"message":)");
      append_json_string(text, refusal.message);
      text.append("}\n\n");
    } else {
      text = "data: {\"error\":" + refusal.object() + "}\n\n";
    }
    if (content(text)) end();
  }
  /// The answer to a browser that asks whether a listed page may ask.
  bool preflight(std::string_view headers) {
    std::string text = "HTTP/1.1 204 \r\n" + allowed();
    text += "Access-Control-Allow-Methods: GET, POST, PUT, PATCH, DELETE\r\n";
    if (!headers.empty())
      text.append("Access-Control-Allow-Headers: ").append(headers).append("\r\n");
    return write(text + "Access-Control-Max-Age: 600\r\n\r\n");
  }

 private:
  std::string allowed() const {
    if (origin_.empty()) return {};
    return "Access-Control-Allow-Origin: " + origin_ + "\r\nVary: Origin\r\n";
  }
  bool write(std::string_view bytes) {
    boost::system::error_code error;
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), error);
    return !error;
  }

  tcp::socket& socket_;
  std::string origin_;
  bool begun_ = false;
  bool streams_ = false;
  std::size_t events_ = 0;
};

/// The local endpoint: what all of its connections share.
struct Endpoint {
  Client& client;
  LocalGuard guard;
  std::chrono::seconds heartbeat;
  std::size_t connections_max;
  std::atomic<std::size_t> connections{0};
};

Asker asker_of(const http::fields& fields) {
  Asker asker;
  for (const auto& field : fields) {
    const std::string_view value(field.value().data(), field.value().size());
    if (field.name() == http::field::host) asker.hosts.push_back(value);
    if (field.name() == http::field::origin) asker.origins.push_back(value);
    const auto name = field.name_string();
    if (boost::beast::iequals(name, "sec-fetch-site")) asker.fetch_site = value;
  }
  return asker;
}

/// Passes one request on. False: the connection is over.
bool pass_on(Endpoint& endpoint, tcp::socket& socket, const Request& request, Answer& answer) {
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
  call.on_head = [&](int status, const RawCall::Headers& headers) {
    return answer.head(status, headers);
  };
  call.on_event = [&](const StreamEvent& event) { return answer.event(event); };
  call.on_content = [&](std::string_view bytes) { return answer.content(bytes); };
  call.on_silence = [&] { return answer.heartbeat(); };
  call.silence = endpoint.heartbeat;
  CancelToken token;
  const auto outcome = [&] {
    const Watch watch(socket.native_handle(), token);
    return endpoint.client.pass(call, &token);
  }();
  if (outcome) return answer.end() && request.keep_alive();
  if (outcome.error().type == ErrorType::cancelled) return false;
  const Refusal refusal = Refusal::of(outcome.error());
  if (!answer.begun()) return answer.refuse(refusal, request.keep_alive());
  answer.break_off(refusal, call.path);
  return false;
}

/// Reads what is left of a request that was refused, for a moment: a client that still sends would
/// not read the refusal.
void linger(tcp::socket& socket) {
  boost::system::error_code error;
  socket.shutdown(tcp::socket::shutdown_send, error);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  char drop[16 * 1024];
  while (std::chrono::steady_clock::now() < until) {
    pollfd entry{socket.native_handle(), POLLIN, 0};
    if (::poll(&entry, 1, 200) <= 0) return;
    if (::recv(socket.native_handle(), drop, sizeof drop, MSG_DONTWAIT) <= 0) return;
  }
}

/// One request. False: the connection is over.
bool serve_request(Endpoint& endpoint, tcp::socket& socket, boost::beast::flat_buffer& buffer) {
  boost::system::error_code error;
  http::request_parser<http::string_body> parser;
  parser.body_limit(body_max);
  parser.header_limit(head_max);
  http::read_header(socket, buffer, parser, error);
  if (error) return false;
  const Asker asker = asker_of(parser.get().base());
  const auto why = endpoint.guard.refuse(asker);
  const std::string origin(why || asker.origins.empty() ? "" : asker.origins.front());
  Answer answer(socket, origin);
  const auto refuse = [&](int status, const char* code, const std::string& message) {
    answer.refuse({status, "invalid_request_error", code, message}, false);
    linger(socket);
    return false;
  };
  if (why)
    return refuse(403, "permission",
                  "This endpoint serves programs of this machine: " + *why + ".");
  if (parser.get().target().empty() || parser.get().target().front() != '/') {
    return refuse(400, "invalid_request", "The target of a request is a path.");
  }
  if (parser.get()[http::field::expect] == "100-continue") {
    asio::write(socket, asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25), error);
  }
  if (!parser.is_done()) http::read(socket, buffer, parser, error);
  if (error == http::error::body_limit) {
    return refuse(413, "too_large", "The body of the request is larger than is allowed.");
  }
  if (error) return false;
  const Request& request = parser.get();
  if (request.method() == http::verb::options && !origin.empty()) {
    const auto headers = request["Access-Control-Request-Headers"];
    return answer.preflight({headers.data(), headers.size()}) && request.keep_alive();
  }
  return pass_on(endpoint, socket, request, answer);
}

void serve(Endpoint& endpoint, tcp::socket socket) {
  boost::system::error_code error;
  socket.set_option(tcp::no_delay(true), error);
  boost::beast::flat_buffer buffer;
  while (serve_request(endpoint, socket, buffer)) {
  }
}

/// Serves until `token` is cancelled: a thread a connection, so many and no more.
void accept_all(Endpoint& endpoint, tcp::acceptor& acceptor, const CancelToken& token) {
  for (;;) {
    pollfd entries[2] = {{acceptor.native_handle(), POLLIN, 0}, {token.descriptor(), POLLIN, 0}};
    if (::poll(entries, 2, -1) < 0 && errno != EINTR) return;
    if (token.cancelled()) return;
    boost::system::error_code error;
    tcp::socket socket = acceptor.accept(error);
    if (error) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // no descriptor is free
      continue;
    }
    if (endpoint.connections >= endpoint.connections_max) {
      // What it asks is read first, as far as it is there: else its end would overtake the refusal.
      pollfd asking{socket.native_handle(), POLLIN, 0};
      char drop[16 * 1024];
      if (::poll(&asking, 1, 20) > 0) ::recv(asking.fd, drop, sizeof drop, MSG_DONTWAIT);
      Answer(socket, "")
          .refuse({503, "server_error", "overloaded",
                   "Too many connections are open here: see --connections-max."},
                  false);
      continue;
    }
    ++endpoint.connections;
    std::thread([&endpoint, s = std::move(socket)]() mutable {
      serve(endpoint, std::move(s));
      --endpoint.connections;
    }).detach();
  }
}

/// HOST:PORT. @throws std::invalid_argument
tcp::endpoint endpoint_of(const std::string& text) {
  const auto colon = text.rfind(':');
  boost::system::error_code error;
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const auto address = asio::ip::make_address(host, error);
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      port.find_first_not_of("0123456789") == std::string::npos;
  if (error || !digits || std::stoi(port) > 65535) {
    throw std::invalid_argument("--listen must be ADDRESS:PORT, not " + text);
  }
  return {address, static_cast<std::uint16_t>(std::stoi(port))};
}

}  // namespace

void add_tunnel_options(CLI::App& command, TunnelOptions& options) {
  command.add_option("--to", options.to, "The remote Hawser: wss://HOST/v1/tunnel")->required();
  command.add_option("--listen", options.listen,
                     "ADDRESS:PORT of the local endpoint; port 0 takes a free one");
  command.add_option("--ca-file", options.ca_file, "Trusted roots (PEM) instead of the system's");
  command.add_option("--allow-host", options.hosts,
                     "A further Host that local requests may name; loopback always may");
  command.add_option("--allow-origin", options.origins,
                     "An Origin whose web pages may ask; none may otherwise");
  command
      .add_option("--give-up-after", options.give_up_after,
                  "Seconds that a request whose answer has not begun waits for the gateway")
      ->check(CLI::Range(1, 600));
  command
      .add_option("--heartbeat", options.heartbeat,
                  "Seconds of silence behind which a local stream gets a comment")
      ->check(CLI::Range(1, 600));
  command.add_option("--connections-max", options.connections_max, "Local connections at once")
      ->check(CLI::Range(1, 10'000));
}

int tunnel(const TunnelOptions& options) {
  CancelToken token;
  interrupted = &token;
  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    TunnelLog log(options.to);
    ClientOptions settings;
    settings.base_url = base_url_of(options.to);
    settings.transport = Transport::ws;
    settings.ca_file = options.ca_file;
    settings.reconnect_timeout = std::chrono::seconds(options.give_up_after);
    settings.on_connection = [&log](const ConnectionEvent& event) { log.connection(event); };
    Client client(std::move(settings));
    Endpoint endpoint{client, LocalGuard(options.hosts, options.origins),
                      std::chrono::seconds(options.heartbeat), options.connections_max};
    asio::io_context loop;
    tcp::acceptor acceptor(loop, endpoint_of(options.listen));
    const auto local = acceptor.local_endpoint();
    const std::string host = local.address().is_v6() ? "[" + local.address().to_string() + "]"
                                                     : local.address().to_string();
    std::cout << "listening on http://" << host << ":" << local.port() << "/v1" << std::endl;
    accept_all(endpoint, acceptor, token);
    std::cout.flush();
    std::_Exit(0);  // local connections end with the process
  } catch (const std::exception& e) {
    std::cerr << "hawser: " << e.what() << '\n';
    return 2;
  }
}

}  // namespace hawser::cli
