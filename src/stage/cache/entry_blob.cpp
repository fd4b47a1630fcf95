#include "stage/cache/entry_blob.hpp"

#include <cstdint>

namespace hawser::stage::cache {
namespace {

// Numbers are of 64 bits, low byte first; texts have their length before them. A change of what
// follows is a new version, and entries of others are misses.
constexpr char version = 1;

void append(std::string& out, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(number >> (8 * i) & 0xff));
}
void append(std::string& out, std::string_view text) {
  append(out, static_cast<std::uint64_t>(text.size()));
  out.append(text);
}

/// Takes one member after another off the front.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    const std::string_view bytes = take(8);
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
      value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
    }
    return value;
  }
  bool flag() { return number() != 0; }
  std::string text() { return std::string(take(number())); }
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) {
      short_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  /// Whether all was there, and nothing else.
  bool whole() const { return !short_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool short_ = false;
};

}  // namespace

std::string to_blob(const Entry& entry) {
  std::string out(1, version);
  out.reserve(entry.size() + 128);
  append(out, static_cast<std::uint64_t>(entry.status));
  append(out, std::uint64_t{entry.stream});
  append(out, std::uint64_t{entry.with_usage});
  append(out, std::uint64_t{entry.usage.known});
  append(out, std::uint64_t{entry.usage.cached_within});
  for (const std::uint32_t count : {entry.usage.input, entry.usage.output, entry.usage.cached,
                                    entry.usage.cache_write, entry.usage.reasoning}) {
    append(out, std::uint64_t{count});
  }
  const auto stored = std::chrono::floor<milliseconds>(entry.stored.time_since_epoch());
  append(out, static_cast<std::uint64_t>(stored.count()));
  append(out, static_cast<std::uint64_t>(entry.ttl.count()));
  append(out, entry.tenant);
  append(out, entry.model);
  append(out, entry.fields);
  append(out, entry.content);
  return out;
}

EntryPtr from_blob(std::string_view blob) {
  if (blob.empty() || blob.front() != version) return nullptr;
  Cursor cursor(blob.substr(1));
  auto entry = std::make_shared<Entry>();
  entry->status = static_cast<int>(cursor.number());
  entry->stream = cursor.flag();
  entry->with_usage = cursor.flag();
  entry->usage.known = cursor.flag();
  entry->usage.cached_within = cursor.flag();
  for (std::uint32_t* count : {&entry->usage.input, &entry->usage.output, &entry->usage.cached,
                               &entry->usage.cache_write, &entry->usage.reasoning}) {
    *count = static_cast<std::uint32_t>(cursor.number());
  }
  entry->stored = WallClock::time_point(milliseconds(cursor.number()));
  entry->ttl = milliseconds(cursor.number());
  entry->tenant = cursor.text();
  entry->model = cursor.text();
  entry->fields = cursor.text();
  entry->content = cursor.text();
  if (!cursor.whole()) return nullptr;
  return entry;
}

}  // namespace hawser::stage::cache
