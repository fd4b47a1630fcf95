#include "settings/config.hpp"

#include <algorithm>
#include <set>

#include "base/address.hpp"
#include "config/nearest.hpp"
#include "net/listener.hpp"
#include "net/proxy.hpp"
#include "price/price_table.hpp"
#include "settings/front_checks.hpp"
#include "settings/name_checks.hpp"
#include "settings/residency.hpp"
#include "settings/tls_checks.hpp"
#include "settings/tls_walk.hpp"
#include "stage/authenticate/authenticate.hpp"
#include "stage/route/route.hpp"
#include "wire/http1.hpp"
#include "wire/url.hpp"

namespace hawser::settings {
namespace {

using config::Problem;

std::string at(const char* list, std::size_t index, const char* member) {
  return std::string(list) + "[" + std::to_string(index) + "]." + member;
}

std::string at(const std::string& list, std::size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

bool valid_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

/// Opens what a start would open, so that both come to the same verdict.
template <class Open>
void check_opens(std::string path, Problems& problems, Open open) {
  try {
    open();
  } catch (const std::exception& e) {
    problems.push_back({std::move(path), e.what()});
  }
}

void check_listen(const Config& config, Problems& problems) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    const std::string& text = config.listen[i].address;
    if (const auto& tls = config.listen[i].tls) {
      check_server_tls(at("listen", i, "tls"), *tls, problems);
    }
    const auto address = net::parse_host_port(text);
    if (!address) {
      problems.push_back({at("listen", i, "address"), address.error().message});
      continue;
    }
    if (address->port != 0 && !seen.insert(text).second) {
      problems.push_back({at("listen", i, "address"), "is listened on already"});
    }
    if (config.keys.empty() && !config.allow_anonymous && !net::is_loopback(*address)) {
      problems.push_back({at("listen", i, "address"),
                          "others can reach this address, and there are no keys: add keys, listen "
                          "on 127.0.0.1, or set allow_anonymous: true"});
    }
  }
  if (config.admin.address != "off" && seen.count(config.admin.address) != 0) {
    problems.push_back({"admin.address", "must not be an address of the API"});
  }
}

/// What is asked over HTTP: a provider, or a service of the gateway's own.
void check_outside(const std::string& path, const char* url_field, const std::string& text,
                   const config::Map<std::string>& headers, const net::TlsClientConfig& tls,
                   const net::WayConfig& way, Problems& problems) {
  const auto url = wire::parse_url(text);
  if (!url) {
    problems.push_back({path + "." + url_field, url_field + (" " + url.error().message)});
  }
  if (!way.proxy.empty() && way.proxy.reveal() != "none") {
    const auto proxy = net::parse_proxy(way.proxy.reveal());
    if (!proxy) problems.push_back({path + ".proxy", proxy.error().message});
  }
  check_client_tls(path + ".tls", tls, problems);
  for (const auto& [field, value] : headers) {
    const bool token = !field.empty() && std::all_of(field.begin(), field.end(), [](char c) {
      return c > ' ' && c < 0x7f &&
             std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
    });
    if (!token) problems.push_back({path + ".headers." + field, "is not a header name"});
    if (wire::hop_by_hop(field) || wire::same_token(field, "host") ||
        wire::same_token(field, "content-length")) {
      problems.push_back({path + ".headers." + field, "is set by the gateway"});
    }
    if (value.find_first_of("\r\n") != std::string::npos) {
      problems.push_back({path + ".headers." + field, "must not hold a line end"});
    }
  }
}

/// A Host header of one's own.
void check_host(const std::string& path, const std::string& host, Problems& problems) {
  if (host.empty() || wire::valid_authority(host)) return;
  problems.push_back({path + ".host", "must be HOST or HOST:PORT"});
}

void check_providers(const Config& config, Problems& problems) {
  for (const auto& [name, provider] : config.providers) {
    const std::string path = "providers." + name;
    if (!valid_name(name)) {
      problems.push_back({path, "a name has 1 to 64 printable characters and no blanks"});
    }
    check_outside(path, "base_url", provider.base_url, provider.headers, provider.tls, provider.way,
                  problems);
    check_host(path, provider.host, problems);
    if (provider.oauth) {
      const auto& oauth = *provider.oauth;
      check_outside(path + ".oauth", "token_url", oauth.token_url, {}, oauth.tls, oauth.way,
                    problems);
    }
  }
}

Problem no_such_provider(const Config& config, std::string path, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& [known, provider] : config.providers) names.push_back(known);
  std::string reason = "there is no provider '" + name + "'";
  const auto meant = config::nearest(name, names);
  if (!meant.empty()) reason += ": did you mean '" + std::string(meant) + "'?";
  return {std::move(path), std::move(reason)};
}

void check_addresses(const std::string& path, const std::vector<std::string>& texts,
                     Problems& problems) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!IpAddress::parse(texts[i])) problems.push_back({at(path, i), "is not an IP address"});
  }
}

void check_resolver(const http::ResolverConfig& resolver, Problems& problems) {
  for (std::size_t i = 0; i < resolver.doh.size(); ++i) {
    const auto& doh = resolver.doh[i];
    const std::string path = at("resolver.doh", i);
    check_outside(path, "url", doh.url, {}, doh.tls, {}, problems);
    check_addresses(path + ".bootstrap", doh.bootstrap, problems);
    const auto url = wire::parse_url(doh.url);
    if (url && !IpAddress::parse(url->host) && doh.bootstrap.empty()) {
      problems.push_back({path + ".bootstrap", "is needed: the host of url is a name"});
    }
  }
  for (const auto& [name, addresses] : resolver.hosts) {
    const std::string path = "resolver.hosts." + name;
    if (addresses.empty()) problems.push_back({path, "needs an address"});
    check_addresses(path, addresses, problems);
  }
}

void check_guards(const std::vector<stage::guard::GuardConfig>& guards, Problems& problems) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < guards.size(); ++i) {
    const auto& guard = guards[i];
    const std::string path = at("guards", i);
    if (!valid_name(guard.name)) {
      problems.push_back({path + ".name", "has 1 to 64 printable characters and no blanks"});
    } else if (!names.insert(guard.name).second) {
      problems.push_back({path + ".name", "'" + guard.name + "' stands twice"});
    }
    const auto& endpoint = guard.endpoint;
    check_outside(path, "url", endpoint.url, endpoint.headers, endpoint.tls, endpoint.way,
                  problems);
    check_host(path, endpoint.host, problems);
  }
}

void check_models(const Config& config, Problems& problems) {
  for (const auto& [name, model] : config.models) {
    const auto star = name.find('*');
    if (name.empty() || (star != std::string::npos && star + 1 != name.size())) {
      problems.push_back({"models." + name, "a * may stand at the end of a name only"});
    }
    for (std::size_t i = 0; i < model.targets.size(); ++i) {
      const std::string& provider = model.targets[i].provider;
      if (config::find(config.providers, provider) == nullptr) {
        const std::string path = "models." + name + "." + at("targets", i, "provider");
        problems.push_back(no_such_provider(config, path, provider));
      }
    }
  }
  if (!config.default_provider.empty() &&
      config::find(config.providers, config.default_provider) == nullptr) {
    problems.push_back(no_such_provider(config, "default_provider", config.default_provider));
  }
}

/// The name in a certificate that stands for a key.
void check_subject(const Config& config, std::size_t i, std::set<std::string>& seen,
                   Problems& problems) {
  const std::string& subject = config.keys[i].client_subject;
  if (subject.empty()) return;
  const std::string path = at("keys", i, "client_subject");
  const bool asks =
      std::any_of(config.listen.begin(), config.listen.end(), [](const net::ListenConfig& listen) {
        return listen.tls && listen.tls->client_auth != net::ClientAuth::none;
      });
  if (!asks) {
    problems.push_back({path,
                        "no listener asks for certificates: add listen[].tls.client_ca and "
                        "client_auth"});
  }
  const bool named = subject.find('=') != std::string::npos || subject.starts_with("DNS:") ||
                     subject.starts_with("URI:") || subject.starts_with("email:") ||
                     subject.starts_with("IP:");
  if (!named) {
    problems.push_back({path,
                        "must be a subject (CN=ci,O=Example) or begin with DNS:, URI:, "
                        "email: or IP:"});
  }
  if (!seen.insert(subject).second) {
    problems.push_back({path, "'" + subject + "' stands for another key too"});
  }
}

void check_keys(const Config& config, Problems& problems) {
  std::set<std::string> names, hashes, subjects;
  for (std::size_t i = 0; i < config.keys.size(); ++i) {
    const auto& key = config.keys[i];
    if (!valid_name(key.name)) {
      problems.push_back({at("keys", i, "name"), "has 1 to 64 printable characters and no blanks"});
    }
    if (!names.insert(key.name).second) {
      problems.push_back({at("keys", i, "name"), "'" + key.name + "' stands twice"});
    }
    check_subject(config, i, subjects, problems);
    if (key.needs_certificate && (key.hash.empty() || key.client_subject.empty())) {
      problems.push_back({at("keys", i, "needs_certificate"), "needs hash and client_subject"});
    }
    if (key.hash.empty() && !key.client_subject.empty()) continue;
    if (key.hash.empty()) {
      problems.push_back({at("keys", i, "hash"), "is missing"});
      continue;
    }
    stage::authenticate::Digest digest{};
    if (!stage::authenticate::parse_hash(key.hash, digest)) {
      problems.push_back({at("keys", i, "hash"),
                          "must be sha256: and 64 hex digits, as `hawser key hash` prints it"});
    } else if (!hashes.insert(key.hash).second) {
      problems.push_back({at("keys", i, "hash"), "is the hash of another key too"});
    }
  }
}

void check_limits(const Config& config, Problems& problems) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < config.rate_limits.size(); ++i) {
    const std::string& name = config.rate_limits[i].name;
    if (!valid_name(name)) {
      problems.push_back(
          {at("rate_limits", i, "name"), "has 1 to 64 printable characters and no blanks"});
    }
    if (!names.insert(name).second) {
      problems.push_back({at("rate_limits", i, "name"), "'" + name + "' stands twice"});
    }
  }
  std::set<std::string> budgets;
  for (std::size_t i = 0; i < config.budgets.size(); ++i) {
    if (budgets.insert(config.budgets[i].name).second) continue;
    problems.push_back({at("budgets", i, "name"), "'" + config.budgets[i].name + "' stands twice"});
  }
  if (!config.ledger.prices.empty()) {
    check_opens("ledger.prices", problems, [&] { price::PriceTable::load(config.ledger.prices); });
  }
}

/// One body must fit into every budget: else it is refused however often it is sent.
void check_memory(const Config& config, Problems& problems) {
  const auto& memory = config.limits.memory;
  const std::pair<const char*, Bytes> budgets[] = {{"process", memory.process},
                                                   {"per_key", memory.per_key},
                                                   {"per_connection", memory.per_connection}};
  for (const auto& [name, most] : budgets) {
    if (most < config.limits.json_body_max || most < config.limits.replay_max) {
      problems.push_back({std::string("limits.memory.") + name,
                          "must not be below limits.json_body_max and limits.replay_max"});
    }
  }
}

}  // namespace

namespace {

template <class See>
void each_tls(const Config& config, See see) {
  // fields() has one form for loading and for looking; nothing is changed here.
  TlsWalk<See>(std::move(see)).visit("", const_cast<Config&>(config));
}

}  // namespace

Problems Config::warnings() const {
  Problems out;
  each_tls(*this, [&](const std::string& path, const auto& tls) { warn_of_tls(path, tls, out); });
  warn_of_residency(*this, out);
  warn_of_names(*this, out);
  return out;
}

std::vector<std::string> files_of(const Config& config) {
  std::vector<std::string> out;
  each_tls(config, [&](const std::string&, const auto& tls) {
    for (auto& file : files_of(tls)) out.push_back(std::move(file));
  });
  for (const auto& used : config.used) {
    if (used.scheme == "file") out.push_back(used.rest);
    if (used.scheme == "sealed") out.push_back(used.rest.substr(0, used.rest.rfind('#')));
  }
  return out;
}

std::string Config::catch_all() const {
  if (!default_provider.empty()) return default_provider;
  return providers.size() == 1 ? providers.front().first : std::string();
}

Problems Config::check() const {
  Problems problems;
  check_names(*this, problems);
  check_listen(*this, problems);
  check_pages(*this, problems);
  check_admin(admin, problems);
  check_providers(*this, problems);
  check_resolver(resolver, problems);
  check_guards(guards, problems);
  if (secrets.vault) check_client_tls("secrets.vault.tls", secrets.vault->tls, problems);
  if (secrets.aws) check_client_tls("secrets.aws.tls", secrets.aws->tls, problems);
  if (cache.semantic) {
    const auto& endpoint = cache.semantic->endpoint;
    check_outside("cache.semantic", "url", endpoint.url, endpoint.headers, endpoint.tls,
                  endpoint.way, problems);
    check_host("cache.semantic", endpoint.host, problems);
  }
  check_models(*this, problems);
  check_keys(*this, problems);
  check_limits(*this, problems);
  check_residency(*this, problems);
  check_memory(*this, problems);
  if (timeouts.total < timeouts.connect) {
    problems.push_back({"timeouts.total", "must not be below timeouts.connect"});
  }
  return problems;
}

}  // namespace hawser::settings
