#include "net/ticket_keys.hpp"

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

TEST(TicketKeys, AKeyServesItsPeriodAndIsHonouredForTwoMore) {
  TicketKeys keys;
  keys.rotate_every(1h);
  const auto begin = Clock::now();
  const auto first = keys.current(begin);
  EXPECT_EQ(keys.current(begin + 59min).name, first.name);

  const auto second = keys.current(begin + 60min);
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.cipher, first.cipher);
  EXPECT_NE(second.mac, first.mac);

  const auto found = keys.find(first.name, begin + 179min);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->cipher, first.cipher);
  EXPECT_FALSE(keys.find(first.name, begin + 180min));
}

TEST(TicketKeys, WhatNobodySealedIsNotFound) {
  TicketKeys keys;
  const std::array<unsigned char, 16> unknown{};
  EXPECT_FALSE(keys.find(unknown, Clock::now()));
}

TEST(TicketKeys, ALongSilenceEndsThemAll) {
  TicketKeys keys;
  keys.rotate_every(1h);
  const auto begin = Clock::now();
  const auto first = keys.current(begin);
  EXPECT_FALSE(keys.find(first.name, begin + 1000h));
  EXPECT_NE(keys.current(begin + 1000h).name, first.name);
}

}  // namespace
}  // namespace hawser::net
