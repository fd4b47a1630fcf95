#include "net/proxy.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/address.hpp"
#include "base/base64.hpp"
#include "net/listener.hpp"

namespace hawser::net {
namespace {

constexpr std::size_t answer_max = 8 * 1024;

Error bad_proxy(const char* why) {
  return {.code = Code::invalid_request, .message = why};
}
Error refused(std::string why) {
  return {.code = Code::connection, .message = "the proxy " + std::move(why)};
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
    out += escape ? static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return out;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string host_port(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Error error_of(IoStatus status) {
  if (status == IoStatus::timeout) {
    return {.code = Code::timeout, .message = "the proxy took too long"};
  }
  if (status == IoStatus::cancelled) return {.code = Code::cancelled, .message = "cancelled"};
  return refused("closed the connection");
}

Task<Result<>> send(Stream& stream, std::string bytes, Clock::time_point deadline) {
  const std::array<std::string_view, 1> parts{bytes};
  const IoStatus sent = co_await stream.send(parts, deadline);
  if (sent != IoStatus::ok) co_return error_of(sent);
  co_return Result<>();
}

/// Reads on until `bytes` holds `wanted`: what follows it is the host's, and the host is silent
/// until it is spoken to.
Task<Result<>> read_at_least(Stream& stream, std::string& bytes, std::size_t wanted,
                             Clock::time_point deadline) {
  while (bytes.size() < wanted) {
    std::array<char, 512> some{};
    const auto most = std::min(some.size(), wanted - bytes.size());
    const IoResult read = stream.try_read({some.data(), most});
    bytes.append(some.data(), read.bytes);
    if (read.status == IoStatus::ok && read.bytes > 0) continue;
    if (read.status != IoStatus::would_block) co_return error_of(IoStatus::closed);
    const IoStatus waited = co_await stream.wait(Channel::Want::read, deadline);
    if (waited != IoStatus::ok) co_return error_of(waited);
  }
  co_return Result<>();
}

Task<Result<>> pass_http(Stream& stream, const Proxy& proxy, std::string host, std::uint16_t port,
                         Clock::time_point deadline) {
  const std::string to = host_port(host, port);
  std::string request = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n";
  if (!proxy.user.empty()) {
    request += "Proxy-Authorization: Basic ";
    append_base64(request, proxy.user + ":" + std::string(proxy.password.reveal()));
    request += "\r\n";
  }
  request += "\r\n";
  auto sent = co_await send(stream, std::move(request), deadline);
  if (!sent) co_return sent;
  std::string answer;
  while (!answer.ends_with("\r\n\r\n")) {  // a byte at a time: nothing behind it is taken
    if (answer.size() > answer_max) co_return refused("does not answer in HTTP");
    auto read = co_await read_at_least(stream, answer, answer.size() + 1, deadline);
    if (!read) co_return read;
  }
  const bool http = answer.starts_with("HTTP/1.") && answer.size() > 12;
  if (!http) co_return refused("does not answer in HTTP");
  const std::string status = answer.substr(9, 3);
  if (status == "407") co_return refused("wants another user or password");
  if (status[0] != '2') co_return refused("refused with status " + status);
  co_return Result<>();
}

std::string socks_address(const std::string& host) {
  const auto literal = IpAddress::parse(host);
  std::string out;
  if (!literal) {
    out = std::string("\x03") + static_cast<char>(host.size()) + host;
  } else if (literal->v4()) {
    out = std::string("\x01") + std::string(literal->bytes.begin() + 12, literal->bytes.end());
  } else {
    out = std::string("\x04") + std::string(literal->bytes.begin(), literal->bytes.end());
  }
  return out;
}

Task<Result<>> greet_socks(Stream& stream, const Proxy& proxy, Clock::time_point deadline) {
  const bool named = !proxy.user.empty();
  std::string greeting = named ? std::string("\x05\x01\x02") : std::string("\x05\x01\x00", 3);
  auto sent = co_await send(stream, std::move(greeting), deadline);
  if (!sent) co_return sent;
  std::string answer;
  auto read = co_await read_at_least(stream, answer, 2, deadline);
  if (!read) co_return read;
  if (answer[0] != 5) co_return refused("does not answer in SOCKS5");
  if (answer[1] != (named ? 2 : 0)) co_return refused("wants another kind of user and password");
  if (!named) co_return Result<>();
  std::string login = "\x01";
  login += static_cast<char>(proxy.user.size());
  login += proxy.user;
  login += static_cast<char>(proxy.password.reveal().size());
  login += proxy.password.reveal();
  sent = co_await send(stream, std::move(login), deadline);
  if (!sent) co_return sent;
  answer.clear();
  read = co_await read_at_least(stream, answer, 2, deadline);
  if (!read) co_return read;
  if (answer[1] != 0) co_return refused("wants another user or password");
  co_return Result<>();
}

Task<Result<>> pass_socks(Stream& stream, const Proxy& proxy, std::string host, std::uint16_t port,
                          Clock::time_point deadline) {
  auto greeted = co_await greet_socks(stream, proxy, deadline);
  if (!greeted) co_return greeted;
  std::string request("\x05\x01\x00", 3);
  request += socks_address(host);
  request += static_cast<char>(port >> 8);
  request += static_cast<char>(port & 0xff);
  auto sent = co_await send(stream, std::move(request), deadline);
  if (!sent) co_return sent;
  std::string answer;
  auto read = co_await read_at_least(stream, answer, 5, deadline);
  if (!read) co_return read;
  if (answer[0] != 5) co_return refused("does not answer in SOCKS5");
  if (answer[1] != 0) co_return refused("refused with reply " + std::to_string(answer[1]));
  std::size_t rest = 4 + 4 + 2;  // the address that it is bound to: nobody needs it
  if (answer[3] == 3) rest = 4 + 1 + static_cast<unsigned char>(answer[4]) + 2;
  if (answer[3] == 4) rest = 4 + 16 + 2;
  co_return co_await read_at_least(stream, answer, rest, deadline);
}

}  // namespace

Result<Proxy> parse_proxy(std::string_view text) {
  Proxy proxy;
  const auto scheme = text.substr(0, text.find("://"));
  if (scheme == "socks5" || scheme == "socks5h") {
    proxy.kind = Proxy::Kind::socks5;
  } else if (scheme != "http") {
    return bad_proxy("must begin with http://, socks5:// or socks5h://");
  }
  text.remove_prefix(scheme.size() + 3);
  while (text.ends_with('/')) text.remove_suffix(1);
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const auto login = text.substr(0, at);
    const auto colon = std::min(login.find(':'), login.size());
    proxy.user = percent_decoded(login.substr(0, colon));
    proxy.password = Secret(percent_decoded(login.substr(std::min(colon + 1, login.size()))));
    text.remove_prefix(at + 1);
  }
  if (proxy.user.size() > 255 || proxy.password.reveal().size() > 255) {
    return bad_proxy("has a user or password of more than 255 bytes");
  }
  const auto place = parse_host_port(text);
  if (!place || place->host.empty() || place->port == 0)
    return bad_proxy("must end with HOST:PORT");
  proxy.host = place->host;
  proxy.port = place->port;
  return proxy;
}

bool listed_in_no_proxy(std::string_view list, std::string_view host) {
  const std::string name = lowered(host);
  const auto address = IpAddress::parse(host);
  while (!list.empty()) {
    auto one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one == "*") return true;
    if (one.empty()) continue;
    if (const auto network = IpPrefix::parse(one)) {
      if (address && network->holds(*address)) return true;
      continue;
    }
    if (one.starts_with("*.")) one.remove_prefix(1);
    const std::string listed = lowered(one.starts_with('.') ? one.substr(1) : one);
    if (name == listed || name.ends_with("." + listed)) return true;
  }
  return false;
}

ProxyPtr proxy_from_environment(bool tls, std::string_view host) {
  const auto value = [](const char* name) {
    const char* text = std::getenv(name);
    return std::string_view(text == nullptr ? "" : text);
  };
  const auto address = IpAddress::parse(host);
  static const auto loopback = *IpPrefix::parse("127.0.0.0/8");
  const bool here = host == "localhost" ||
                    (address && (loopback.holds(*address) || *address == *IpAddress::parse("::1")));
  const auto of_lower = value(tls ? "https_proxy" : "http_proxy");
  const auto text = of_lower.empty() && tls ? value("HTTPS_PROXY") : of_lower;
  const auto exempt = value("no_proxy").empty() ? value("NO_PROXY") : value("no_proxy");
  if (text.empty() || here || listed_in_no_proxy(exempt, host)) return nullptr;
  auto proxy = parse_proxy(text);
  if (!proxy) {  // to go without the proxy would go around what it is there for
    throw std::runtime_error(std::string("the environment's ") +
                             (tls ? "https_proxy" : "http_proxy") + " " + proxy.error().message);
  }
  return std::make_shared<const Proxy>(std::move(*proxy));
}

Task<Result<>> pass_proxy(Stream& stream, const Proxy& proxy, std::string host, std::uint16_t port,
                          Clock::time_point deadline) {
  if (host.size() > 255) co_return refused("takes no name of more than 255 bytes");
  if (proxy.kind == Proxy::Kind::http) {
    co_return co_await pass_http(stream, proxy, std::move(host), port, deadline);
  }
  co_return co_await pass_socks(stream, proxy, std::move(host), port, deadline);
}

}  // namespace hawser::net
