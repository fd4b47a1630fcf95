#include "stage/admit/media_facts.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "dialect/count.hpp"
#include "dialect/form_reader.hpp"

namespace hawser::stage::admit {
namespace {

constexpr std::size_t text_max = 64;
constexpr std::uint64_t number_max = 1'000'000'000;

std::uint64_t characters_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

/// The contents of the parts of one name, where they stand in the body.
class PartsOf final : public dialect::PartReader {
 public:
  PartsOf(std::string_view body, std::string_view name) : body_(body), name_(name) {}

  void begin_part(std::string_view name, bool) override {
    wanted_ = name == name_;
    if (wanted_) parts.emplace_back();
  }
  void content(std::string_view bytes) override {
    if (!wanted_) return;
    auto& part = parts.back();
    // The whole body is read at once, so a content is one piece of it; else its size still counts.
    const bool begins = part.data() == nullptr;
    part = {begins ? bytes.data() : part.data(), part.size() + bytes.size()};
    in_place_ = in_place_ && part.data() >= body_.data() &&
                part.data() + part.size() <= body_.data() + body_.size();
  }
  void end_part() override {}
  bool in_place() const { return in_place_; }

  std::vector<std::string_view> parts{};

 private:
  std::string_view body_;
  std::string_view name_;
  bool wanted_ = false;
  bool in_place_ = true;
};

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

MediaFacts::MediaFacts(const exchange::Request& request) : body_(request.body) {
  const bool whole = request.stream == nullptr && !body_.empty();
  json_ = whole && request.json;
  form_ = whole && !request.json && request.media == exchange::Media::form;
  // It was read strictly before: its first line is two dashes and the boundary.
  if (!form_) return;
  const std::string_view delimiter = body_.substr(0, body_.find("\r\n"));
  boundary_ = delimiter.substr(std::min<std::size_t>(2, delimiter.size()));
}

std::vector<std::string_view> MediaFacts::values(std::string_view name) const {
  std::vector<std::string_view> found;
  if (form_) {
    PartsOf reader(body_, name);
    dialect::FormReader form(boundary_);
    form.tell(reader);
    if (form.feed(body_) && form.finish() && reader.in_place()) found = std::move(reader.parts);
    return found;
  }
  std::string decoded;
  if (!json_) return found;
  for_each_member(body_, [&](std::string_view token, std::string_view value) {
    if (decode_json_string(token, decoded) && decoded == name) found.push_back(value);
    return true;
  });
  return found;
}

std::string_view MediaFacts::value(std::string_view name) const {
  const auto found = values(name);
  return found.empty() ? std::string_view() : found.front();
}

/// Of several fields of one name some programs take the first, some the last: the largest counts.
std::optional<std::uint64_t> MediaFacts::number(std::string_view name) const {
  std::optional<std::uint64_t> largest;
  for (const std::string_view token : values(name)) {
    if (token == "null") continue;
    const auto count = dialect::read_count(token);
    if (!count) return std::nullopt;
    largest = std::max(largest.value_or(0), std::min<std::uint64_t>(*count, number_max));
  }
  return largest;
}

std::optional<std::uint64_t> MediaFacts::wav_length_ms() const {
  if (!form_) return std::nullopt;
  const auto files = values("file");
  return files.size() == 1 ? admit::wav_length_ms(files.front()) : std::nullopt;
}

std::string MediaFacts::text(std::string_view name) const {
  const auto all = values(name);
  std::string out;
  if (all.empty()) return out;
  const std::string_view token = all.front();
  if (form_) {
    out = token;
  } else if (!decode_json_string(token, out)) {
    out.clear();
  }
  if (out.size() > text_max) out.resize(text_max);
  return out;
}

std::uint64_t MediaFacts::characters(std::string_view name) const {
  const auto all = values(name);
  // Said in another place, or twice: no more than all of it.
  if (all.size() != 1) return characters_in(body_);
  const std::string_view token = all.front();
  std::string out;
  if (form_ || !decode_json_string(token, out)) return characters_in(token);
  return characters_in(out);
}

std::uint64_t MediaFacts::elements(std::string_view name) const {
  JsonCursor cursor(value(name));
  std::uint64_t count = 0;
  if (!cursor.take('[') || cursor.peek() == ']') return 0;
  do {
    if (!cursor.skip_value()) break;
    ++count;
  } while (cursor.take(','));
  return count;
}

std::uint64_t MediaFacts::numbers(std::string_view name) const {
  const std::string_view list = value(name);
  const auto first = list.find_first_not_of("[ \t\r\n");
  const bool numbers = list.starts_with('[') && first != std::string_view::npos &&
                       list[first] >= '0' && list[first] <= '9';
  if (!numbers) return 0;
  return 1 + static_cast<std::uint64_t>(std::count(list.begin(), list.end(), ','));
}

// Source: Multimedia Programming Interface and Data Specifications 1.0, WAVE.
std::optional<std::uint64_t> wav_length_ms(std::string_view sound) {
  if (sound.size() < 44 || !sound.starts_with("RIFF")) return std::nullopt;
  std::string_view rest = sound;
  if (rest.substr(8, 4) != "WAVE") return std::nullopt;
  rest.remove_prefix(12);
  std::uint64_t bytes_a_second = 0;
  while (rest.size() >= 8) {
    const std::string_view kind = rest.substr(0, 4);
    const std::uint64_t size = little_endian(rest.substr(4, 4));
    rest.remove_prefix(8);
    if (kind == "fmt " && size >= 16 && rest.size() >= 16) {
      const std::uint64_t channels = little_endian(rest.substr(2, 2));
      const std::uint64_t rate = little_endian(rest.substr(4, 4));
      const std::uint64_t bits = little_endian(rest.substr(14, 2));
      const std::uint64_t form = little_endian(rest.substr(0, 2));
      // Others are none that a decoder plays so; what they are is told by nothing here.
      const bool plain = form == 1 || form == 3 || form == 6 || form == 7 || form == 0xfffe;
      if (!plain || channels < 1 || channels > 8 || rate < 1'000 || rate > 384'000 || bits < 4 ||
          bits > 64) {
        return std::nullopt;
      }
      bytes_a_second = channels * rate * bits / 8;
    }
    if (kind == "data") {
      // A header may promise less, or, of a stream, more than there is.
      const std::uint64_t bytes = std::max<std::uint64_t>(rest.size(), 1);
      if (bytes_a_second == 0) return std::nullopt;
      return bytes * 1000 / bytes_a_second + 1;
    }
    if (size + (size & 1) > rest.size()) break;
    rest.remove_prefix(size + (size & 1));
  }
  return std::nullopt;
}

}  // namespace hawser::stage::admit
