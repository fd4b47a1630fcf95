#include "secret/service.hpp"

#include <array>
#include <utility>

#include "base/base64.hpp"
#include "secret/sources.hpp"
#include "wire/url.hpp"

namespace hawser::secret {
namespace {

http::EndpointConfig config_of(const std::string& url, const net::TlsClientConfig& tls,
                               const net::WayConfig& way) {
  http::EndpointConfig config;
  config.url = url;
  config.tls = tls;
  config.way.network = way.network;
  config.way.proxy = Secret(std::string(way.proxy.reveal()));
  return config;
}

}  // namespace

void Loop::wipe_buffers() {
  std::array<net::BlockPool::Block, blocks_kept> taken;
  for (auto& block : taken) {
    block = blocks.take();
    OPENSSL_cleanse(block.get(), net::BlockPool::block_size);
  }
  for (auto& block : taken) blocks.give_back(std::move(block));
}

Task<bool> Loop::sleep(milliseconds time) {
  if (ended_) co_return false;
  net::Waiter waiter(reactor);
  sleeping_.push_back(&waiter);
  const auto status = co_await waiter.wait(Clock::now() + time);
  std::erase(sleeping_, &waiter);
  co_return status == net::IoStatus::timeout;
}

void Loop::end() {
  ended_ = true;
  while (!sleeping_.empty()) {
    net::Waiter* const waiter = sleeping_.back();
    sleeping_.pop_back();
    waiter->complete(net::IoStatus::cancelled);
  }
  pools.close_idle();
  reactor.cancel_all();
  reactor.stop();
}

Service::Service(Loop& loop, const std::string& url, const net::TlsClientConfig& tls,
                 const net::WayConfig& way)
    : loop_(loop), endpoint_(config_of(url, tls, way)) {
  const auto parsed = wire::parse_url(url);
  host_ = parsed->authority();
  prefix_ = parsed->path;
}

Task<Result<Answer>> Service::ask(Question question, Clock::time_point deadline) {
  const std::string path = path_of(question.path);
  http::Ask what;
  what.method = question.method;
  what.path = path;
  what.fields = question.fields.reveal();
  what.body = question.body.reveal();
  what.content_type = question.content_type;
  net::Cancellation never;
  const auto pool = endpoint_.pool(loop_.pools);
  auto said = co_await http::ask(endpoint_, *pool, what, deadline, never);
  loop_.wipe_buffers();
  if (!said) co_return said.error();
  Answer answer;
  answer.status = said->status;
  answer.fields = std::move(said->fields);
  answer.body = Secret(std::move(said->body));
  co_return std::move(answer);
}

Result<Secret> read_token_file(const std::string& path) {
  auto text = all_lookups().file(path);
  if (!text) return text.error();
  while (text->ends_with('\n') || text->ends_with('\r') || text->ends_with(' ')) text->pop_back();
  if (text->empty()) {
    return Error{.code = Code::invalid_request, .message = "the file " + path + " is empty"};
  }
  return Secret(std::move(*text));
}

void append_form(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty()) out.push_back('&');
  out.append(name).push_back('=');
  wire::append_encoded(out, value);
}

Error malformed() {
  return {.code = Code::upstream, .message = "answered what it should not"};
}

Result<Fetched> plaintext_of(std::optional<std::string> encoded) {
  if (!encoded) return malformed();
  const Secret wiped(std::move(*encoded));
  auto text = decode_base64(wiped.reveal());
  if (!text) return malformed();
  Fetched fetched;
  fetched.text = Secret(std::move(*text));
  return fetched;
}

}  // namespace hawser::secret
