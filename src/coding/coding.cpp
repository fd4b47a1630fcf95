#include "coding/coding.hpp"

namespace hawser::coding {
namespace {

bool same_name(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] | 0x20) : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<Coding> parse_content_encoding(std::string_view value) {
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (value.empty()) return Coding::identity;
  for (const Coding coding :
       {Coding::identity, Coding::gzip, Coding::deflate, Coding::br, Coding::zstd}) {
    if (same_name(value, name_of(coding))) return coding;
  }
  if (same_name(value, "x-gzip")) return Coding::gzip;  // RFC 9110, 8.4.1.3
  return std::nullopt;
}

std::string_view name_of(Coding coding) {
  switch (coding) {
    case Coding::identity:
      return "identity";
    case Coding::gzip:
      return "gzip";
    case Coding::deflate:
      return "deflate";
    case Coding::br:
      return "br";
    case Coding::zstd:
      return "zstd";
  }
  return "identity";
}

}  // namespace hawser::coding
