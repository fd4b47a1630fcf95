#include "base/address.hpp"

#include <gtest/gtest.h>

namespace hawser {
namespace {

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

TEST(IpAddress, BothFamiliesAndNothingElse) {
  EXPECT_TRUE(ip("192.0.2.1").v4());
  EXPECT_TRUE(ip("::ffff:192.0.2.1") == ip("192.0.2.1"));
  EXPECT_FALSE(ip("2001:db8::1").v4());
  EXPECT_EQ(ip("[2001:db8::1]"), ip("2001:db8::1"));
  for (const auto bad :
       {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "localhost", "1.2.3.4:80", "0x7f.1"}) {
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  }
}

TEST(IpPrefix, CountsItsBits) {
  const auto ten = IpPrefix::parse("10.0.0.0/8").value();
  EXPECT_TRUE(ten.holds(ip("10.255.1.2")));
  EXPECT_FALSE(ten.holds(ip("11.0.0.1")));
  const auto odd = IpPrefix::parse("2001:db8:8000::/33").value();
  EXPECT_TRUE(odd.holds(ip("2001:db8:ffff::1")));
  EXPECT_FALSE(odd.holds(ip("2001:db8:7fff::1")));
  EXPECT_TRUE(IpPrefix::parse("::/0").value().holds(ip("192.0.2.1")));
  for (const auto bad : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "/8", "::/129"}) {
    EXPECT_FALSE(IpPrefix::parse(bad)) << bad;
  }
}

TEST(ClientBehind, OnlyWhatTrustedProxiesWroteCounts) {
  const std::vector<IpPrefix> trusted{IpPrefix::parse("10.0.0.0/8").value()};
  EXPECT_EQ(client_behind(ip("192.0.2.9"), "1.1.1.1", trusted), ip("192.0.2.9"));
  EXPECT_EQ(client_behind(ip("10.0.0.1"), "6.6.6.6, 192.0.2.7, 10.0.0.2", trusted),
            ip("192.0.2.7"));
  EXPECT_EQ(client_behind(ip("10.0.0.1"), "192.0.2.7, nonsense", trusted), ip("10.0.0.1"));
  EXPECT_EQ(client_behind(ip("10.0.0.1"), "", trusted), ip("10.0.0.1"));
}

TEST(ClientName, AnIpv6NetworkIsOneClient) {
  EXPECT_EQ(client_name(ip("2001:db8:1:2:3:4:5:6"), 64), "2001:db8:1:2::");
  EXPECT_EQ(client_name(ip("2001:db8:1:2:ffff::6"), 64), "2001:db8:1:2::");
  EXPECT_EQ(client_name(ip("::ffff:192.0.2.1"), 64), "192.0.2.1");
}

}  // namespace
}  // namespace hawser
