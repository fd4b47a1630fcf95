#include "net/origin.hpp"

#include <stdexcept>
#include <tuple>

#include "net/tls_client.hpp"

namespace hawser::net {
namespace {

/// Names under which the well-known providers serve everyone. Clouds whose customers reach them by
/// private links (Azure, AWS) are not among them.
bool serves_the_public(std::string_view host) {
  for (const std::string_view name :
       {"openai.com", "anthropic.com", "googleapis.com", "deepseek.com", "mistral.ai", "x.ai",
        "groq.com", "openrouter.ai", "together.xyz", "perplexity.ai", "cohere.com", "moonshot.cn",
        "bigmodel.cn", "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"}) {
    if (host == name) return true;
    if (host.ends_with(name) && host[host.size() - name.size() - 1] == '.') return true;
  }
  return false;
}

ProxyPtr proxy_of(const WayConfig& way, bool tls, std::string_view host) {
  if (way.proxy.empty()) return proxy_from_environment(tls, host);
  if (way.proxy.reveal() == "none") return nullptr;
  auto proxy = parse_proxy(way.proxy.reveal());
  if (!proxy) throw std::runtime_error("proxy " + proxy.error().message);
  return std::make_shared<const Proxy>(std::move(*proxy));
}

}  // namespace

bool operator==(const Origin& a, const Origin& b) {
  const auto plain = [](const Origin& origin) {
    return std::tie(origin.tls, origin.host, origin.port, origin.server_name, origin.rules,
                    origin.files, origin.public_only, origin.http);
  };
  const bool same_way = a.proxy && b.proxy ? *a.proxy == *b.proxy : a.proxy == b.proxy;
  return same_way && plain(a) == plain(b);
}

Origin origin_of(bool tls, std::string host, std::uint16_t port, const TlsClientConfig& config,
                 const WayConfig& way) {
  Origin origin;
  origin.tls = tls;
  origin.port = port;
  origin.http = way.http;
  origin.proxy = proxy_of(way, tls, host);
  origin.public_only = way.network == Network::public_only ||
                       (way.network == Network::by_name && serves_the_public(host));
  origin.host = std::move(host);
  if (!tls) return origin;
  origin.server_name = config.server_name.empty() ? origin.host : config.server_name;
  origin.rules = config;
  origin.files = digest_of_files(config);
  return origin;
}

}  // namespace hawser::net
