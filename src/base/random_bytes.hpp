#pragma once

#include <openssl/rand.h>

#include <stdexcept>
#include <string>

namespace hawser {

/// Bytes that nobody can guess. @throws std::runtime_error when the system has none
inline std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1) {
    throw std::runtime_error("no random bytes");
  }
  return bytes;
}

}  // namespace hawser
