#include "front/http/places.hpp"

#include <gtest/gtest.h>

namespace hawser::front::http {
namespace {

TEST(Places, AreBoundedByAddressAndInAll) {
  Places places;
  auto a = places.take("10.0.0.1", {3, 2});
  auto b = places.take("10.0.0.1", {3, 2});
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(places.take("10.0.0.1", {3, 2})) << "two of one address";
  auto c = places.take("10.0.0.2", {3, 2});
  ASSERT_TRUE(c);
  EXPECT_FALSE(places.take("10.0.0.3", {3, 2})) << "three in all";
  a->give_back();
  EXPECT_TRUE(places.take("10.0.0.1", {3, 2})) << "a place that was given back";
  EXPECT_EQ(b->address(), "10.0.0.1");
  EXPECT_EQ(places.count(), 2U) << "what was taken in between is gone with its holder";
}

TEST(Places, AMovedOneIsGivenBackOnce) {
  Places places;
  {
    auto first = places.take("x", {1, 1});
    ASSERT_TRUE(first);
    const Places::Place moved(std::move(*first));
    EXPECT_EQ(places.count(), 1U);
  }
  EXPECT_EQ(places.count(), 0U);
}

}  // namespace
}  // namespace hawser::front::http
