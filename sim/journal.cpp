#include "sim/journal.hpp"

#include <openssl/sha.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/credential_headers.hpp"

namespace hawser::sim {

namespace json = boost::json;

namespace {

/// "Bearer sha256:0123456789abcdef": enough to tell two keys apart.
std::string digest_of(std::string_view value) {
  std::string scheme;
  if (value.size() > 7 && wire::same_token(value.substr(0, 7), "bearer ")) {
    scheme = value.substr(0, 7);
    value.remove_prefix(7);
  }
  return scheme + "sha256:" + sha256_hex(value).substr(0, 16);
}

bool is_text(std::string_view bytes) {
  for (const char c : bytes) {
    if (static_cast<unsigned char>(c) >= 0x80 || c == '\0') return false;
  }
  return true;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  std::string out;
  for (const unsigned char byte : digest) {
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
  return out;
}

Entry& Journal::add(const wire::RequestHead& head, std::uint64_t connection) {
  if (entries_.size() == entries_max) entries_.pop_front();
  Entry& entry = entries_.emplace_back();
  entry.number = ++count_;
  entry.connection = connection;
  entry.at_ms = std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
  entry.method = head.method;
  entry.target = head.target;
  for (const auto& field : head.fields) {
    const std::string value =
        is_key_header(field.name) ? digest_of(field.value) : std::string(field.value);
    entry.headers.push_back(json::array{json::string(field.name), json::string(value)});
  }
  return entry;
}

std::string Journal::json(std::uint64_t after) const {
  json::array out;
  for (const Entry& entry : entries_) {
    if (entry.number <= after) continue;
    json::object object{{"number", entry.number},
                        {"connection", entry.connection},
                        {"at_ms", entry.at_ms},
                        {"method", entry.method},
                        {"target", entry.target},
                        {"headers", entry.headers},
                        {"body_sha256", entry.body_sha256},
                        {"body_size", entry.body_size},
                        {"status", entry.status},
                        {"bytes_sent", entry.bytes_sent},
                        {"events_sent", entry.events_sent},
                        {"outcome", entry.outcome}};
    if (is_text(entry.body)) object["body"] = entry.body;
    out.push_back(std::move(object));
  }
  return json::serialize(out);
}

std::string Journal::stats() const {
  return json::serialize(json::object{{"requests", count_},
                                      {"connections", connections},
                                      {"connections_open", connections_open},
                                      {"active", active}});
}

}  // namespace hawser::sim
