#include "stage/cache/neighbours.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::cache {
namespace {

Key key_of(std::size_t number) {
  Key key{};
  for (std::size_t i = 0; i < sizeof number; ++i) {
    key.at(i) = static_cast<unsigned char>(number >> (8 * i));
  }
  return key;
}

Vector vector_of(std::size_t size, std::size_t number) {
  Vector vector(size, 0.0F);
  vector.at(number % size) = 1;
  return vector;
}

// A vector of 1,536 numbers and its place in the graph are some 13 KB.
TEST(Neighbours, AreBoundedInBytes) {
  constexpr std::size_t bytes_max = 4 * 1024 * 1024;
  Neighbours neighbours(100'000, bytes_max);
  for (std::size_t i = 0; i < 2'000; ++i) {
    neighbours.add(key_of(i % 7), vector_of(1'536, i), {key_of(i), "what is it", "tenant", "m"});
  }
  EXPECT_LE(neighbours.size(), bytes_max / (2 * 1'536 * sizeof(float)));
  EXPECT_GT(neighbours.size(), 50u);
}

TEST(Neighbours, WhatIsErasedMakesRoom) {
  Neighbours neighbours(100'000, 16 * 64 * 1024);
  const Key context = key_of(1);
  for (std::size_t i = 0; i < 1'000; ++i) {
    neighbours.add(context, vector_of(256, i), {key_of(i), "q", "t", "m"});
    const auto found = neighbours.nearest(context, vector_of(256, i));
    ASSERT_FALSE(found.empty()) << i;
    if (i % 2 == 0) neighbours.erase(context, found.front().id);
  }
  const std::size_t held = neighbours.size();
  EXPECT_GT(held, 0u);
  EXPECT_EQ(neighbours.erase_if([](const Key&) { return true; }), held);
  EXPECT_EQ(neighbours.size(), 0u);
}

}  // namespace
}  // namespace hawser::stage::cache
