#include "wire/dns.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace hawser::wire {
namespace {

constexpr std::uint16_t class_in = 1;
constexpr std::uint16_t type_cname = 5;
constexpr std::size_t aliases_max = 16;
constexpr std::size_t records_max = 256;

void append_u16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string lowered(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

/// Reads a message from the front; every read is checked.
class Reader {
 public:
  explicit Reader(std::string_view message) : message_(message) {}

  std::optional<std::uint16_t> u16() {
    const auto two = bytes(2);
    if (!two) return std::nullopt;
    return static_cast<std::uint16_t>(octet((*two)[0]) << 8 | octet((*two)[1]));
  }
  std::optional<std::uint32_t> u32() {
    const auto high = u16();
    const auto low = u16();
    if (!high || !low) return std::nullopt;
    return static_cast<std::uint32_t>(*high) << 16 | *low;
  }
  std::optional<std::string_view> bytes(std::size_t count) {
    if (message_.size() - at_ < count) return std::nullopt;
    at_ += count;
    return message_.substr(at_ - count, count);
  }
  /// A name in lower case, without its last dot. Pointers lead backwards only, so they end.
  std::optional<std::string> name() {
    std::string out;
    std::size_t at = at_, before = at_;
    bool jumped = false;
    while (at < message_.size()) {
      const unsigned size = octet(message_[at]);
      if (size >= 0xc0) {
        if (at + 1 >= message_.size()) return std::nullopt;
        const std::size_t to = (size & 0x3fU) << 8 | octet(message_[at + 1]);
        if (to >= before) return std::nullopt;
        if (!std::exchange(jumped, true)) at_ = at + 2;
        at = before = to;
        continue;
      }
      if (size > 63 || at + 1 + size > message_.size()) return std::nullopt;
      if (size == 0) {
        if (!jumped) at_ = at + 1;
        return out;
      }
      if (!out.empty()) out += '.';
      out += message_.substr(at + 1, size);
      if (out.size() > 253) return std::nullopt;
      at += 1 + size;
    }
    return std::nullopt;
  }

 private:
  static unsigned octet(char c) { return static_cast<unsigned char>(c); }

  std::string_view message_;
  std::size_t at_ = 0;
};

struct Record {
  std::string name{};
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;
  std::string_view data{};
  std::string alias{};  // of a CNAME
};

std::optional<Record> read_record(Reader& reader) {
  Record record;
  auto name = reader.name();
  const auto type = reader.u16();
  const auto kind = reader.u16();
  const auto ttl = reader.u32();
  const auto size = reader.u16();
  if (!name || !type || !kind || !ttl || !size) return std::nullopt;
  record.name = lowered(*name);
  record.type = *kind == class_in ? *type : std::uint16_t{0};
  record.ttl = *ttl > 0x7fffffffU ? 0 : *ttl;  // RFC 2181, 8
  Reader inside = reader;
  const auto data = reader.bytes(*size);
  if (!data) return std::nullopt;
  record.data = *data;
  if (record.type == type_cname) {
    auto alias = inside.name();
    if (!alias) return std::nullopt;
    record.alias = lowered(*alias);
  }
  return record;
}

std::optional<IpAddress> address_of(const Record& record) {
  IpAddress address;
  if (record.type == static_cast<std::uint16_t>(DnsType::a) && record.data.size() == 4) {
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, record.data.data(), 4);
    return address;
  }
  if (record.type == static_cast<std::uint16_t>(DnsType::aaaa) && record.data.size() == 16) {
    std::memcpy(address.bytes.data(), record.data.data(), 16);
    return address;
  }
  return std::nullopt;
}

/// From the name that was asked for, over its aliases, to addresses.
DnsAnswer follow(const std::vector<Record>& records, std::string name, DnsType type) {
  DnsAnswer answer;
  std::uint32_t ttl = 0x7fffffffU;
  for (std::size_t step = 0; step <= aliases_max; ++step) {
    const Record* alias = nullptr;
    for (const Record& record : records) {
      if (record.name != name) continue;
      if (record.type == type_cname) alias = &record;
      if (record.type != static_cast<std::uint16_t>(type)) continue;
      if (const auto address = address_of(record)) {
        answer.addresses.push_back(*address);
        ttl = std::min(ttl, record.ttl);
      }
    }
    if (!answer.addresses.empty()) answer.ttl = std::chrono::seconds(ttl);
    if (!answer.addresses.empty() || alias == nullptr) break;
    ttl = std::min(ttl, alias->ttl);
    name = alias->alias;
  }
  return answer;
}

Error malformed() {
  return {.code = Code::upstream, .message = "the resolver's answer is malformed"};
}

}  // namespace

Result<std::string> dns_query(std::string_view host, DnsType type) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string query("\0\0\1\0\0\1\0\0\0\0\0\0", 12);  // recursion desired, one question
  bool fits = !host.empty() && host.size() <= 253;
  for (std::string_view rest = host; fits && !rest.empty();) {
    const auto label = rest.substr(0, rest.find('.'));
    fits = !label.empty() && label.size() <= 63 && label.size() + 1 != rest.size();
    query.push_back(static_cast<char>(label.size()));
    query.append(label);
    rest.remove_prefix(std::min(rest.size(), label.size() + 1));
  }
  if (!fits) return Error{.code = Code::invalid_request, .message = "this is not a host name"};
  query.push_back('\0');
  append_u16(query, static_cast<std::uint16_t>(type));
  append_u16(query, class_in);
  return query;
}

Result<DnsAnswer> parse_dns_answer(std::string_view message, std::string_view host, DnsType type) {
  Reader reader(message);
  const auto id = reader.u16(), flags = reader.u16();
  const auto questions = reader.u16(), answers = reader.u16();
  const auto rest = reader.u32();
  if (!id || !flags || !rest || !questions || !answers) return malformed();
  const bool is_answer = (*flags & 0x8000U) != 0;
  const bool cut = (*flags & 0x0200U) != 0;  // over HTTP nothing needs to be
  if (!is_answer || cut || *questions != 1 || *answers > records_max) return malformed();
  const auto name = reader.name();
  const auto asked = reader.u16(), kind = reader.u16();
  if (!name || !asked || !kind || lowered(*name) != lowered(host) ||
      *asked != static_cast<std::uint16_t>(type) || *kind != class_in) {
    return malformed();
  }
  std::vector<Record> records;
  for (std::uint16_t i = 0; i < *answers; ++i) {
    auto record = read_record(reader);
    if (!record) return malformed();
    records.push_back(std::move(*record));
  }
  DnsAnswer answer = follow(records, lowered(host), type);
  answer.rcode = *flags & 0xf;
  return answer;
}

}  // namespace hawser::wire
