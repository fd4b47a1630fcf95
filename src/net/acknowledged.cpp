#include "net/acknowledged.hpp"

#include <linux/tcp.h>  // glibc's <netinet/tcp.h> lacks the byte counters of tcp_info
#include <netinet/in.h>
#include <sys/socket.h>

namespace hawser::net {

bool unacknowledged(int fd, std::size_t bytes) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  // bytes_acked counts our SYN too, and our FIN: two bytes of tolerance.
  return info.tcpi_bytes_sent > info.tcpi_bytes_acked &&
         info.tcpi_bytes_sent + 2 >= info.tcpi_bytes_acked + bytes;
}

bool nothing_acknowledged_behind(int fd, std::uint64_t bytes) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_bytes_acked <= bytes + 1;  // our SYN counts
}

}  // namespace hawser::net
