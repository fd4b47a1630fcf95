#include "filter/key_format.hpp"

#include <array>
#include <cmath>

namespace hawser::filter {
namespace {

constexpr ByteSet key = alnum | dash;
constexpr ByteSet dotted = key | dot;
constexpr ByteSet wide = alnum | base64 | pad;

// clang-format off
constexpr std::array formats{
    KeyFormat{"sk-ant-",          "anthropic_key",   key,             24,  0, true},
    KeyFormat{"sk-proj-",         "openai_key",      key,             32,  0, true},
    KeyFormat{"sk-svcacct-",      "openai_key",      key,             32,  0, true},
    KeyFormat{"sk-admin-",        "openai_key",      key,             32,  0, true},
    KeyFormat{"sk-or-v1-",        "openrouter_key",  alnum,           32,  0, true},
    // OpenAI's old form; DeepSeek, Kimi and DashScope with 32 to 48 characters.
    KeyFormat{"sk-",              "sk_key",          alnum,           32,  0, true},
    KeyFormat{"sk_live_",         "stripe_key",      alnum,           16,  0, true},
    KeyFormat{"rk_live_",         "stripe_key",      alnum,           16,  0, true},
    KeyFormat{"AIza",             "google_key",      key,             35,  0, true},
    KeyFormat{"AQ.",              "google_key",      key,             32,  0, true},
    KeyFormat{"ya29.",            "google_token",    dotted,          32,  0, true},
    KeyFormat{"AKIA",             "aws_key_id",      upper | digit,   16, 16, false},
    KeyFormat{"ASIA",             "aws_key_id",      upper | digit,   16, 16, false},
    KeyFormat{"ABIA",             "aws_key_id",      upper | digit,   16, 16, false},
    KeyFormat{"ACCA",             "aws_key_id",      upper | digit,   16, 16, false},
    KeyFormat{"ABSK",             "bedrock_key",     wide,           100,  0, true},
    KeyFormat{"bedrock-api-key-", "bedrock_key",     wide,            48,  0, true},
    KeyFormat{"ghp_",             "github_token",    alnum,           36,  0, false},
    KeyFormat{"gho_",             "github_token",    alnum,           36,  0, false},
    KeyFormat{"ghu_",             "github_token",    alnum,           36,  0, false},
    KeyFormat{"ghs_",             "github_token",    alnum,           36,  0, false},
    KeyFormat{"ghr_",             "github_token",    alnum,           36,  0, false},
    KeyFormat{"github_pat_",      "github_token",    word,            40,  0, true},
    KeyFormat{"glpat-",           "gitlab_token",    dotted,          20,  0, true},
    KeyFormat{"xoxb-",            "slack_token",     key,             20,  0, true},
    KeyFormat{"xoxp-",            "slack_token",     key,             20,  0, true},
    KeyFormat{"xoxa-",            "slack_token",     key,             20,  0, true},
    KeyFormat{"xoxr-",            "slack_token",     key,             20,  0, true},
    KeyFormat{"xoxs-",            "slack_token",     key,             20,  0, true},
    KeyFormat{"xoxe-",            "slack_token",     key,             20,  0, true},
    KeyFormat{"xapp-",            "slack_token",     key,             20,  0, true},
    KeyFormat{"hf_",              "huggingface_key", alnum,           30,  0, false},
    KeyFormat{"gsk_",             "groq_key",        alnum,           40,  0, true},
    KeyFormat{"xai-",             "xai_key",         alnum,           40,  0, true},
    KeyFormat{"csk-",             "cerebras_key",    alnum,           40,  0, true},
    KeyFormat{"pplx-",            "perplexity_key",  alnum,           40,  0, true},
    KeyFormat{"tgp_v1_",          "together_key",    key,             40,  0, true},
    KeyFormat{"nvapi-",           "nvidia_key",      key,             48,  0, true},
    KeyFormat{"r8_",              "replicate_key",   alnum,           36,  0, true},
    KeyFormat{"LTAI",             "alibaba_key_id",  alnum,           12, 28, true},
    KeyFormat{"AKID",             "tencent_key_id",  alnum,           28, 36, true},
    KeyFormat{"npm_",             "npm_token",       alnum,           36,  0, false},
    KeyFormat{"hvs.",             "vault_token",     key,             24,  0, true},
    KeyFormat{"hwk_",             "hawser_key",      alnum,           32,  0, true},
};
// clang-format on

}  // namespace

std::span<const KeyFormat> key_formats() {
  return formats;
}

double entropy(std::string_view text) {
  std::array<std::uint16_t, 256> counts{};
  for (const char c : text) ++counts[static_cast<unsigned char>(c)];
  double bits = 0;
  const auto size = static_cast<double>(text.size());
  for (const std::uint16_t count : counts) {
    if (count > 0) bits -= count / size * std::log2(count / size);
  }
  return bits;
}

}  // namespace hawser::filter
