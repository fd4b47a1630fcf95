#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

/// DNS messages: the question for a host's addresses and its answer. Source: RFC 1035, 4; RFC 3596.
namespace hawser::wire {

enum class DnsType : std::uint16_t { a = 1, aaaa = 28 };

/// The message that asks for it; its id is 0, so that caches on the way know equal ones
/// (RFC 8484, 4.1).
/// Error: invalid_request where this is no host name: labels of 1 to 63 bytes, 253 in all.
Result<std::string> dns_query(std::string_view host, DnsType type);

struct DnsAnswer {
  int rcode = 0;                       // 0: no error; 3: there is no such name
  std::vector<IpAddress> addresses{};  // of the name, aliases followed
  std::chrono::seconds ttl{};          // the shortest on the way to them; 0: none was told
};

/// Records that do not belong to the question are not looked at, wherever they stand.
/// Error: upstream where it is malformed or the answer to another question.
Result<DnsAnswer> parse_dns_answer(std::string_view message, std::string_view host, DnsType type);

}  // namespace hawser::wire
