#include "secret/sigv4.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <cstdlib>
#include <ctime>
#include <fstream>

namespace hawser::secret {
namespace {

namespace json = boost::json;

AwsCredentials credentials(const char* id, const char* secret, const char* token = "") {
  AwsCredentials out;
  out.access_key_id = id;
  out.secret_access_key = Secret(std::string(secret));
  out.session_token = Secret(std::string(token));
  return out;
}

std::chrono::system_clock::time_point at(const char* amz_date) {
  std::tm parts{};
  EXPECT_NE(::strptime(amz_date, "%Y%m%dT%H%M%SZ", &parts), nullptr);
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

/// Of the suite of test vectors that AWS published for version 4.
std::string vanilla(SigV4Request request) {
  request.host = "example.amazonaws.com";
  const auto who = credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  const auto fields = sign_v4(request, who, {"us-east-1", "service"}, at("20150830T123600Z"));
  const std::string text(fields.reveal());
  return text.substr(text.find("Signature=") + 10, 64);
}

TEST(SigV4, PublishedVectors) {
  SigV4Request request;
  request.method = "GET";
  EXPECT_EQ(vanilla(request), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  request.path = "/example/..";
  EXPECT_EQ(vanilla(request), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  request.path = "//";
  EXPECT_EQ(vanilla(request), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  request.path = "/";
  request.query = "Param2=value2&Param1=value1";
  EXPECT_EQ(vanilla(request), "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  request.query = "";
  request.method = "POST";
  EXPECT_EQ(vanilla(request), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

/// A path that is encoded already is encoded once more.
TEST(SigV4, APathOfBedrock) {
  SigV4Request request;
  request.host = "bedrock-runtime.us-east-1.amazonaws.com";
  request.path = "/model/us.amazon.nova-micro-v1%3A0/converse";
  request.body = R"({"messages":[{"role":"user","content":[{"text":"hi"}]}]})";
  request.fields.emplace_back("Content-Type", "application/json");
  const auto fields =
      sign_v4(request, credentials("x", "dummy"), {"us-east-1", "bedrock"}, at("20260102T030405Z"));
  EXPECT_NE(
      fields.reveal().find("0055b43345d1d4a3ac4e4b3d1a3b5e696f857a9f2071c6a441ae9e65b22357aa"),
      std::string_view::npos);
}

std::string text(const json::object& one, const char* name) {
  return std::string(one.at(name).as_string());
}

/// Lines of JSON that tests/gateway/test_secrets_remote.py writes with botocore.
TEST(SigV4, AgreesWithBotocore) {
  const char* path = std::getenv("HAWSER_SIGV4_CASES");
  if (path == nullptr) GTEST_SKIP() << "run by ./dev test sigv4";
  std::ifstream in(path);
  std::string line;
  int count = 0;
  while (std::getline(in, line)) {
    const json::value value = json::parse(line);
    const json::object& one = value.as_object();
    const std::string method = text(one, "method"), host = text(one, "host");
    const std::string where = text(one, "path"), query = text(one, "query");
    const std::string body = text(one, "body");
    SigV4Request request{method, host, where, query, body, {}};
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& [name, field] : one.at("fields").as_object()) {
      fields.emplace_back(name, field.as_string());
    }
    for (const auto& [name, field] : fields) request.fields.emplace_back(name, field);
    const std::string region = text(one, "region"), service = text(one, "service");
    const auto ours = sign_v4(request,
                              credentials(text(one, "id").c_str(), text(one, "secret").c_str(),
                                          text(one, "token").c_str()),
                              {region, service}, at(text(one, "date").c_str()));
    const std::string authorization = "authorization: " + text(one, "authorization") + "\r\n";
    ASSERT_NE(ours.reveal().find(authorization), std::string_view::npos) << line << "\n"
                                                                         << ours.reveal();
    ++count;
  }
  EXPECT_GE(count, 1000);
  std::cout << count << " requests signed as botocore does\n";
}

}  // namespace
}  // namespace hawser::secret
