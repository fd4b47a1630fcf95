#include "settings/remote.hpp"

#include <algorithm>

namespace hawser::settings {
namespace {

/// What is too old is refused where it would be used: these are the places that do.
Result<secret::Reference> parse(const std::string& scheme, const std::string& rest,
                                const std::string& field) {
  if (field.starts_with("secrets.")) {
    return Error{.code = Code::invalid_request,
                 .message = "'" + scheme +
                            "' may not be used here: where secrets come from is told by env, file "
                            "and sealed only"};
  }
  const bool held = field.starts_with("providers.") || field.starts_with("guards[") ||
                    field.starts_with("cache.semantic.");
  if (!held) {
    return Error{.code = Code::invalid_request,
                 .message = "'" + scheme +
                            "' may not be used here: values over the network are for providers, "
                            "guards and cache.semantic"};
  }
  return secret::parse_reference(scheme, rest);
}

/// The provider whose field this is: of names that begin alike the longest.
std::string part_of(const Config& config, const std::string& field) {
  std::string part;
  for (const auto& [name, provider] : config.providers) {
    const std::string path = "providers." + name;
    if (field.starts_with(path + ".") && path.size() > part.size()) part = path;
  }
  if (field.starts_with("guards[")) part = field.substr(0, field.find(']') + 1);
  if (field.starts_with("cache.semantic.")) part = "cache.semantic";
  return part;
}

}  // namespace

bool wants_remote(const Config& config) {
  const auto oauth = [](const auto& entry) { return entry.second.oauth.has_value(); };
  const auto remote = [](const config::Used& used) { return config::remote_scheme(used.scheme); };
  return std::any_of(config.providers.begin(), config.providers.end(), oauth) ||
         std::any_of(config.used.begin(), config.used.end(), remote);
}

secret::Keeper::Wanted wanted_values(const std::shared_ptr<const Config>& config) {
  secret::Keeper::Wanted out;
  out.config = std::shared_ptr<const secret::SecretsConfig>(config, &config->secrets);
  for (const auto& used : config->used) {
    if (!config::remote_scheme(used.scheme)) continue;
    auto reference = parse(used.scheme, used.rest, used.path);
    if (reference) out.references.push_back(std::move(*reference));
  }
  return out;
}

secret::Keeper::Wanted wanted(const std::shared_ptr<const Config>& config) {
  auto out = wanted_values(config);
  for (const auto& [name, provider] : config->providers) {
    if (!provider.oauth) continue;
    out.tokens.emplace_back(name,
                            std::shared_ptr<const secret::OAuthConfig>(config, &*provider.oauth));
  }
  return out;
}

Result<std::string> taken_for_granted(const std::string& scheme, const std::string& rest,
                                      const std::string& field) {
  const auto reference = parse(scheme, rest, field);
  if (!reference) return reference.error();
  return std::string("elsewhere");
}

Result<std::string> look_up(const secret::Keeper::Given& given, const std::string& scheme,
                            const std::string& rest, const std::string& field) {
  const auto reference = parse(scheme, rest, field);
  if (!reference) return reference.error();
  const auto found = given.documents.find(reference->document());
  if (found == given.documents.end()) {
    return Error{.code = Code::internal, .message = reference->shown() + " was not fetched"};
  }
  if (!found->second) return found->second.error();
  const auto value = secret::select(*found->second, *reference);
  if (!value) return value.error();
  if (value->empty()) {
    return Error{.code = Code::invalid_request, .message = reference->shown() + " is empty"};
  }
  return std::string(value->reveal());
}

std::vector<std::string> documents_of(const Config& config, const std::string& part) {
  std::vector<std::string> out;
  for (const auto& used : config.used) {
    if (!config::remote_scheme(used.scheme) || part_of(config, used.path) != part) continue;
    const auto reference = secret::parse_reference(used.scheme, used.rest);
    if (!reference) continue;
    const std::string document = reference->document();
    if (std::find(out.begin(), out.end(), document) == out.end()) out.push_back(document);
  }
  return out;
}

}  // namespace hawser::settings
