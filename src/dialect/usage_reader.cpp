#include "dialect/usage_reader.hpp"

#include <utility>

#include "base/json_runs.hpp"
#include "dialect/json_walk.hpp"
#include "dialect/usage_places.hpp"

namespace hawser::dialect {
namespace {

constexpr std::size_t name_max = 64;            // bytes of a name, escapes included
constexpr std::size_t usage_max = 64UL * 1024;  // a longer one is not read

}  // namespace

void UsageReader::feed(std::string_view piece) {
  const char* at = piece.data();
  const char* const end = at + piece.size();
  kept_from_ = at;
  while (at < end) {
    at = in_string_ ? string_end(at, end) : skips() ? skip(at, end) : step(at, end);
  }
  if (is_name_ || is_tier_ || capturing_) keep(end);
}

/// What was kept so far of a name or a usage: more than is looked at ends it.
void UsageReader::keep(const char* until) {
  const auto size = static_cast<std::size_t>(until - kept_from_);
  const std::size_t most = capturing_ ? usage_max : name_max;
  if (token_.size() + size > most) {
    if (is_tier_) take_unknown_tier(usage_);
    is_name_ = is_tier_ = capturing_ = false;
    token_.clear();
    return;
  }
  token_.append(kept_from_, size);
}

/// All of a name or a usage that ends at `until`; as `keep` else, and empty.
std::string_view UsageReader::kept(const char* until) {
  const auto size = static_cast<std::size_t>(until - kept_from_);
  const std::size_t most = capturing_ ? usage_max : name_max;
  if (token_.empty() && size <= most) return {kept_from_, size};
  keep(until);
  return token_;
}

/// Steps over what stands within the container under way, up to what closes it.
const char* UsageReader::skip(const char* at, const char* end) {
  const std::uint32_t outer = depth_;
  while (at < end) {
    at += bracket_run(at, end);
    if (at == end) break;
    const char c = *at;
    if (c == '"') {
      at += 1 + string_run(at + 1, end);
      if (at < end && *at == '"') {  // most have no escapes, and came whole
        ++at;
      } else {
        in_string_ = true;
        at = string_end(at, end);
      }
    } else if ((c | 0x20) == '{') {
      ++depth_;
      ++at;
    } else if (depth_ == outer) {
      close(at);
      return at + 1;
    } else {
      --depth_;
      ++at;
    }
  }
  return end;
}

const char* UsageReader::step(const char* at, const char* end) {
  switch (*at) {
    case '"':
      begin_string(at);
      return at + 1;
    case '{':
    case '[':
      open(at);
      break;
    case '}':
    case ']':
      close(at);
      break;
    case ',':
      if (watches()) expects_name_ = true;
      break;
    default:
      break;
  }
  // Numbers, blanks and words say nothing: lists of them are most of an embedding.
  ++at;
  return at + unstructured_run(at, end);
}

const char* UsageReader::string_end(const char* at, const char* end) {
  while (at < end) {
    if (std::exchange(escaped_, false)) {
      ++at;
      continue;
    }
    at += string_run(at, end);
    if (at == end) break;
    if (*at == '\\') {
      escaped_ = true;
      ++at;
      continue;
    }
    in_string_ = false;
    end_string(at);
    return at + 1;
  }
  return end;
}

void UsageReader::begin_string(const char* at) {
  in_string_ = true;
  if (capturing_) return;
  const bool is_name = std::exchange(expects_name_, false);
  if (!watches()) return;
  const Name of = std::exchange(name_, Name::none);
  is_name_ = is_name;
  is_tier_ = !is_name && of == Name::tier;
  if (!is_name_ && !is_tier_) return;
  token_.clear();
  kept_from_ = at;
}

void UsageReader::end_string(const char* at) {
  const bool tier = std::exchange(is_tier_, false);
  if (!std::exchange(is_name_, false) && !tier) return;
  name_ = Name::none;
  const std::string_view token = kept(at + 1);
  if (tier) return token.empty() ? take_unknown_tier(usage_) : take_service_tier(token, usage_);
  if (token.empty()) return;
  std::string scratch;
  const std::string_view name = plain_name(token, scratch);
  if (is_usage(name)) name_ = Name::usage;
  if (is_tier(name)) name_ = Name::tier;
  if (depth_ == base_ && is_holder(name)) name_ = Name::holder;
  if (depth_ == base_ && name == "meta") name_ = Name::meta;
}

void UsageReader::open(const char* at) {
  const bool object = *at == '{';
  const bool value = watches();  // of a name that is looked at
  const Name name = std::exchange(name_, Name::none);
  ++depth_;
  expects_name_ = false;
  if (capturing_) return;
  // The document itself, or one of a list.
  if (base_ == 0 && object && depth_ <= 2) base_ = depth_;
  if (object && depth_ == base_) expects_name_ = true;
  if (!value || !object) return;
  if (name == Name::holder) holder_ = expects_name_ = true;
  if (name != Name::usage && name != Name::meta) return;
  capturing_ = true;
  of_meta_ = name == Name::meta;
  captured_at_ = depth_;
  token_.clear();
  kept_from_ = at;
}

void UsageReader::close(const char* at) {
  if (capturing_ && depth_ == captured_at_) {
    const std::string_view told = kept(at + 1);
    if (!told.empty() && of_meta_) take_meta(told, usage_);
    if (!told.empty() && !of_meta_) take_usage(told, usage_);
    capturing_ = false;
    token_.clear();
  }
  if (depth_ > 0) --depth_;
  if (depth_ <= base_) holder_ = false;
  expects_name_ = false;
}

}  // namespace hawser::dialect
