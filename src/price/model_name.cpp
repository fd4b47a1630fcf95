#include "price/model_name.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace hawser::price {
namespace {

constexpr std::size_t name_max = 256;

/// What stands before a model's name and does not change its price.
constexpr std::array<std::string_view, 21> prefixes{"models/",
                                                    "publishers/google/models/",
                                                    "publishers/anthropic/models/",
                                                    "openai/",
                                                    "anthropic/",
                                                    "google/",
                                                    "gemini/",
                                                    "vertex_ai/",
                                                    "mistral/",
                                                    "mistralai/",
                                                    "cohere/",
                                                    "deepseek/",
                                                    "xai/",
                                                    "x-ai/",
                                                    "moonshotai/",
                                                    "zai/",
                                                    "z-ai/",
                                                    "alibaba/",
                                                    "qwen/",
                                                    "minimax/",
                                                    "azure/"};

/// Bedrock's inference profiles: whose name says where they run.
constexpr std::array<std::string_view, 8> regions{"us.", "eu.", "apac.",   "au.",
                                                  "jp.", "ca.", "us-gov.", "global."};

bool digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int number(std::string_view text) {
  int value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  return value;
}

bool is_month_day(std::string_view text) {  // MMDD
  if (text.size() != 4 || !digits(text)) return false;
  const int month = number(text.substr(0, 2));
  const int day = number(text.substr(2));
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

bool is_date(std::string_view text) {  // YYYYMMDD
  return text.size() == 8 && text.starts_with("20") && digits(text) && is_month_day(text.substr(4));
}

bool is_dashed_date(std::string_view text) {  // YYYY-MM-DD
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  return is_date(
      std::string(text.substr(0, 4)).append(text.substr(5, 2)).append(text.substr(8, 2)));
}

std::string_view behind_last(std::string_view name, char mark) {
  const auto at = name.rfind(mark);
  return at == std::string_view::npos ? std::string_view() : name.substr(at + 1);
}

/// "v1", "v2"
bool is_version(std::string_view text) {
  return text.size() >= 2 && text.size() <= 3 && text.front() == 'v' && digits(text.substr(1));
}

/// How long the one decoration at the end of `name` is; 0: there is none.
/// @param bedrock  its versions count too; elsewhere "-v2" is another model
std::size_t decoration(std::string_view name, bool bedrock) {
  if (name.ends_with("[1m]")) return 4;
  const std::string_view at = behind_last(name, '@');
  if (at == "default" || is_date(at)) return at.size() + 1;
  if (name.size() > 11 && name[name.size() - 11] == '-' &&
      is_dashed_date(name.substr(name.size() - 10))) {
    return 11;
  }
  const std::string_view dash = behind_last(name, '-');
  if (is_date(dash)) return dash.size() + 1;
  if (dash.size() == 3 && dash.starts_with("00") && digits(dash)) return 4;  // "-001"
  if (!bedrock) return 0;
  if (is_version(dash)) return dash.size() + 1;
  // "-v1:0": the version of Bedrock and its variant.
  const auto colon = dash.find(':');
  if (colon == std::string_view::npos || !digits(dash.substr(colon + 1))) return 0;
  return is_version(dash.substr(0, colon)) ? dash.size() + 1 : dash.size() - colon;
}

/// The name behind Bedrock's ARN and regions; nothing: it names no model that is listed.
std::optional<ModelName> of_bedrock(std::string_view model) {
  if (model.starts_with("arn:")) {
    const auto slash = model.rfind('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const std::string_view kind = model.substr(0, slash);
    if (!kind.ends_with(":foundation-model") && !kind.ends_with(":inference-profile")) {
      return std::nullopt;
    }
    model.remove_prefix(slash + 1);
  }
  bool global = false;
  for (const std::string_view region : regions) {
    if (!model.starts_with(region)) continue;
    global = region == "global.";
    model.remove_prefix(region.size());
    break;
  }
  if (!model.starts_with("anthropic.")) return std::nullopt;
  model.remove_prefix(std::string_view("anthropic.").size());
  return ModelName{std::string(model), !global};
}

}  // namespace

std::vector<ModelName> names_of_model(std::string_view model) {
  std::vector<ModelName> names;
  if (model.empty() || model.size() > name_max) return names;
  std::string lower(model);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  names.push_back({lower});
  ModelName bare = names.front();
  const auto bedrock = of_bedrock(lower);
  if (bedrock) {
    bare = *bedrock;
    names.push_back(bare);
  } else {
    for (const std::string_view prefix : prefixes) {
      if (!lower.starts_with(prefix)) continue;
      bare.name = lower.substr(prefix.size());
      names.push_back(bare);
      break;
    }
  }
  // Fine-tuned models cost what their base costs as one: "ft:gpt-4o:acme::id" is "ft:gpt-4o".
  if (bare.name.starts_with("ft:")) {
    const auto end = bare.name.find(':', 3);
    bare.name.resize(std::min(end, bare.name.size()));
    names.push_back(bare);
  }
  for (int removed = 0; removed < 2; ++removed) {
    std::size_t size = decoration(bare.name, bedrock.has_value());
    const std::string_view last = behind_last(bare.name, '-');
    if (size == 0 && is_month_day(last)) {
      size = last.size() + 1;
      bare.month_day = true;
    }
    if (size == 0 || size >= bare.name.size()) break;
    bare.name.resize(bare.name.size() - size);
    bare.shorter = true;
    names.push_back(bare);
  }
  return names;
}

}  // namespace hawser::price
