#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

/// The little of Protocol Buffers' wire format that the client needs: it spares its users a
/// dependency. Source: protobuf.dev, "Encoding".
namespace hawser::sdk::protobuf {

inline void add_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
}
inline void add_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  add_varint(out, static_cast<std::uint64_t>(field) << 3);
  add_varint(out, value);
}
inline void add_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  add_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  add_varint(out, bytes.size());
  out.append(bytes);
}

/// The fields of one message, in order. What is malformed ends it early.
class Fields {
 public:
  struct Field {
    std::uint32_t number = 0;
    std::uint64_t value = 0;
    std::string_view bytes{};
  };
  explicit Fields(std::string_view message) {
    while (!message.empty()) {
      std::uint64_t tag = 0;
      if (!take_varint(message, tag)) return;
      Field field{.number = static_cast<std::uint32_t>(tag >> 3)};
      if (!take(message, static_cast<unsigned>(tag & 7), field)) return;
      fields_.push_back(field);
    }
  }
  bool has(std::uint32_t number) const { return find(number) != nullptr; }
  std::string_view bytes(std::uint32_t number) const {
    const Field* found = find(number);
    return found == nullptr ? std::string_view() : found->bytes;
  }
  std::uint64_t number(std::uint32_t field) const {
    const Field* found = find(field);
    return found == nullptr ? 0 : found->value;
  }
  const std::vector<Field>& all() const { return fields_; }

 private:
  static bool take_varint(std::string_view& from, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(from.front());
      from.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  static bool take(std::string_view& from, unsigned kind, Field& field) {
    std::uint64_t size = kind == 5 ? 4 : 8;
    if (kind == 0) return take_varint(from, field.value);
    if (kind == 2 && !take_varint(from, size)) return false;
    if (kind > 5 || kind == 3 || kind == 4 || size > from.size()) return false;
    field.bytes = from.substr(0, static_cast<std::size_t>(size));
    from.remove_prefix(static_cast<std::size_t>(size));
    return true;
  }
  const Field* find(std::uint32_t number) const {
    for (const Field& field : fields_) {
      if (field.number == number) return &field;
    }
    return nullptr;
  }
  std::vector<Field> fields_{};
};

/// ListModelsResponse in the form of OpenAI's answer.
inline std::string models_json(const Fields& response) {
  std::string out = R"({"object":"list","data":[)";
  for (const auto& field : response.all()) {
    if (field.number != 1) continue;
    if (out.back() == '}') out.push_back(',');
    out.append(R"({"object":"model","id":)");
    append_json_string(out, field.bytes);
    out.push_back('}');
  }
  return out + "]}";
}

/// EmbedResponse in the form of OpenAI's answer.
inline std::string embeddings_json(const Fields& response) {
  std::string out = R"({"object":"list","data":[)";
  int index = 0;
  for (const auto& field : response.all()) {
    if (field.number != 1) continue;
    if (index > 0) out.push_back(',');
    out.append(R"({"object":"embedding","index":)").append(std::to_string(index++));
    out.append(R"(,"embedding":[)");
    const std::string_view values = Fields(field.bytes).bytes(1);  // packed floats
    for (std::size_t at = 0; at + 4 <= values.size(); at += 4) {
      float value = 0;
      std::memcpy(&value, values.data() + at, sizeof value);
      if (at > 0) out.push_back(',');
      out.append(std::to_string(value));
    }
    out.append("]}");
  }
  const Fields usage(response.bytes(2));
  out.append(R"(],"usage":{"prompt_tokens":)").append(std::to_string(usage.number(1)));
  return out.append("}}");
}

}  // namespace hawser::sdk::protobuf
