#include "secret/sealed_file.hpp"

#include <boost/json/parse.hpp>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "config/nearest.hpp"
#include "store/sealed.hpp"

namespace hawser::secret {
namespace json = boost::json;
namespace {

constexpr std::string_view purpose = "hawser-sealed-file-1";
constexpr std::size_t secrets_max = 10'000;

Error wrong(std::string why) {
  return {.code = Code::invalid_request, .message = std::move(why)};
}

std::string key_name_of(const MasterKey& master) {
  const KeyBytes derived = master.derive("hawser-sealed-file-name-1");
  std::string name;
  append_base64(name, derived.view().substr(0, 9));
  return name;
}

std::string bound_to(const std::string& name) {
  return std::string(purpose) + ":" + name;
}

}  // namespace

Result<SealedFile> SealedFile::parse(std::string_view text) {
  boost::system::error_code error;
  const json::value root = json::parse(text, error);
  const json::object* file = error ? nullptr : root.if_object();
  const json::value* version = file == nullptr ? nullptr : file->if_contains("hawser-sealed");
  if (version == nullptr) return wrong("is not a sealed file");
  if (!version->is_int64() || version->get_int64() != 1) {
    return wrong("is a sealed file of another version");
  }
  const json::value* key = file->if_contains("key");
  const json::value* secrets = file->if_contains("secrets");
  const bool whole = key != nullptr && key->is_string() && secrets != nullptr &&
                     secrets->is_object() && secrets->get_object().size() <= secrets_max;
  if (!whole) return wrong("is not a whole sealed file");
  SealedFile sealed;
  sealed.key_name_ = std::string(key->get_string());
  for (const auto& [name, value] : secrets->get_object()) {
    const auto raw = value.is_string() ? decode_base64(value.get_string()) : std::nullopt;
    if (!raw) return wrong("holds '" + std::string(name) + "', which is not sealed");
    sealed.sealed_.emplace(name, *raw);
  }
  return sealed;
}

std::string SealedFile::text() const {
  std::string out = "{\"hawser-sealed\": 1, \"key\": \"" + key_name_ + "\", \"secrets\": {";
  bool first = true;
  for (const auto& [name, raw] : sealed_) {
    out += std::exchange(first, false) ? "\n  " : ",\n  ";
    append_json_string(out, name);
    out += ": \"";
    append_base64(out, raw);
    out += "\"";
  }
  return out + "\n}}\n";
}

Result<> SealedFile::check(const MasterKey& master) const {
  if (key_name_.empty() || key_name_ == key_name_of(master)) return {};
  return wrong("was sealed with another master key");
}

Result<> SealedFile::seal(const MasterKey& master, const std::string& name, const Secret& value) {
  if (auto checked = check(master); !checked) return checked;
  key_name_ = key_name_of(master);
  sealed_[name] = store::seal(master.derive(purpose), value.reveal(), bound_to(name));
  return {};
}

Result<Secret> SealedFile::open(const MasterKey& master, const std::string& name) const {
  if (auto checked = check(master); !checked) return checked.error();
  const auto found = sealed_.find(name);
  if (found == sealed_.end()) {
    const auto known = names();
    const std::vector<std::string_view> views(known.begin(), known.end());
    const auto meant = config::nearest(name, views);
    std::string why = "holds no '" + name + "'";
    if (!meant.empty()) why += ": did you mean '" + std::string(meant) + "'?";
    return Error{.code = Code::not_found, .message = why};
  }
  auto clear = store::open_sealed(master.derive(purpose), found->second, bound_to(name));
  if (!clear) return wrong("holds '" + name + "', which is not what was sealed");
  return Secret(std::move(*clear));
}

std::vector<std::string> SealedFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, raw] : sealed_) names.push_back(name);
  return names;
}

Result<> SealedFile::rotate(const MasterKey& from, const MasterKey& to) {
  SealedFile fresh;
  for (const auto& [name, raw] : sealed_) {
    const auto value = open(from, name);
    if (!value) return value.error();
    if (auto sealed = fresh.seal(to, name, *value); !sealed) return sealed;
  }
  *this = std::move(fresh);
  return {};
}

}  // namespace hawser::secret
