#include "wire/dns.hpp"

#include <gtest/gtest.h>

namespace hawser::wire {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out.push_back(static_cast<char>(value));
  return out;
}

std::string name(std::string_view host) {
  std::string out;
  while (!host.empty()) {
    const auto label = host.substr(0, host.find('.'));
    out.push_back(static_cast<char>(label.size()));
    out += label;
    host.remove_prefix(std::min(host.size(), label.size() + 1));
  }
  return out + '\0';
}

/// The answer to `query` with these records.
std::string answer(std::string query, const std::vector<std::string>& records, int rcode = 0) {
  query[2] = '\x81';
  query[3] = static_cast<char>(0x80 | rcode);
  query[7] = static_cast<char>(records.size());
  for (const auto& record : records) query += record;
  return query;
}

std::string record(const std::string& owner, int type, int ttl, const std::string& data) {
  return owner +
         bytes({0, type, 0, 1, 0, 0, ttl >> 8, ttl & 0xff, 0, static_cast<int>(data.size())}) +
         data;
}

const std::string asked_name = bytes({0xc0, 12});

TEST(Dns, AQuestionIsWrittenAsInTheRfc) {
  EXPECT_EQ(
      *dns_query("www.example.com", DnsType::a),
      bytes({0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}) + name("www.example.com") + bytes({0, 1, 0, 1}));
}

TEST(Dns, WhatIsNoHostNameIsNotAsked) {
  for (const std::string& host :
       {std::string(), std::string("."), std::string("a..b"), std::string("a.") + '.',
        std::string(64, 'x'), std::string(127, 'x').insert(60, "."), std::string(254, 'x')}) {
    EXPECT_FALSE(dns_query(host, DnsType::a)) << host;
  }
}

TEST(Dns, AddressesAndTheShortestTime) {
  const auto query = *dns_query("Api.Example.com", DnsType::a);
  const auto got = parse_dns_answer(
      answer(query, {record(asked_name, 5, 30, name("edge.example.net")),
                     record(name("edge.example.net"), 1, 300, bytes({192, 0, 2, 1})),
                     record(name("EDGE.example.net"), 1, 60, bytes({192, 0, 2, 2}))}),
      "api.example.com", DnsType::a);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->addresses.size(), 2U);
  EXPECT_EQ(got->addresses[1], *IpAddress::parse("192.0.2.2"));
  EXPECT_EQ(got->ttl, std::chrono::seconds(30));
}

TEST(Dns, RecordsOfOtherNamesAreNotBelieved) {
  const auto query = *dns_query("a.example", DnsType::aaaa);
  const auto got =
      parse_dns_answer(answer(query, {record(name("b.example"), 28, 60, std::string(16, '\x20')),
                                      record(asked_name, 1, 60, bytes({192, 0, 2, 1}))}),
                       "a.example", DnsType::aaaa);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->addresses.empty());
}

TEST(Dns, NoSuchName) {
  const auto got =
      parse_dns_answer(answer(*dns_query("a.example", DnsType::a), {}, 3), "a.example", DnsType::a);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->rcode, 3);
}

TEST(Dns, AliasesThatGoInCirclesEnd) {
  const auto got = parse_dns_answer(
      answer(*dns_query("a.example", DnsType::a), {record(asked_name, 5, 9, name("b.example")),
                                                   record(name("b.example"), 5, 9, asked_name)}),
      "a.example", DnsType::a);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->addresses.empty());
}

TEST(Dns, AnythingElseIsMalformed) {
  const auto query = *dns_query("a.example", DnsType::a);
  const auto good = answer(query, {record(asked_name, 1, 60, bytes({192, 0, 2, 1}))});
  ASSERT_TRUE(parse_dns_answer(good, "a.example", DnsType::a));
  EXPECT_FALSE(parse_dns_answer(query, "a.example", DnsType::a)) << "a question";
  EXPECT_FALSE(parse_dns_answer(good, "b.example", DnsType::a)) << "of another name";
  EXPECT_FALSE(parse_dns_answer(good, "a.example", DnsType::aaaa)) << "of another type";
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_FALSE(parse_dns_answer(good.substr(0, cut), "a.example", DnsType::a)) << cut;
  }
  // A pointer to itself.
  const auto circle = answer(query, {record(bytes({0xc0, 27}), 1, 60, bytes({192, 0, 2, 1}))});
  EXPECT_FALSE(parse_dns_answer(circle, "a.example", DnsType::a));
}

}  // namespace
}  // namespace hawser::wire
