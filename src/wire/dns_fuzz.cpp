// Properties: no message reads past its end or goes on for ever, and what is taken out of one are
// addresses of the type that was asked for.
#include <cstdlib>

#include "wire/dns.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto type : {hawser::wire::DnsType::a, hawser::wire::DnsType::aaaa}) {
    const auto answer = hawser::wire::parse_dns_answer(bytes, "a.example", type);
    if (!answer) continue;
    for (const auto& address : answer->addresses) {
      if (type == hawser::wire::DnsType::a && !address.v4()) std::abort();
    }
  }
  return 0;
}
