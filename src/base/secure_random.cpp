#include "base/secure_random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <stdexcept>

namespace hawser {

void SecureRandom::fill() {
  // Up to 256 bytes come whole: getrandom(2) is not interrupted in between.
  ssize_t size = 0;
  do {
    size = ::getrandom(buffer_.data(), buffer_.size(), 0);
  } while (size < 0 && errno == EINTR);
  if (size != static_cast<ssize_t>(buffer_.size())) {
    throw std::runtime_error("the kernel gave no random bytes");
  }
  at_ = 0;
}

}  // namespace hawser
