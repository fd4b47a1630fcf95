#include "store/object_owners.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

namespace hawser::store {
namespace {

using namespace std::chrono_literals;

std::string file() {
  const auto path = std::filesystem::path(testing::TempDir()) / "objects.db";
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + end);
  return path.string();
}

ObjectOwners::Object object(std::uint8_t kind, std::string_view id,
                            std::string_view provider = "p") {
  return {provider, kind, id};
}

TEST(ObjectOwners, TheFirstOwnerStays) {
  ObjectOwners owners({}, {});
  owners.add(object(1, "file-a"), "acme");
  owners.add(object(1, "file-a"), "mallory");
  owners.add(object(2, "file-a"), "globex");
  EXPECT_TRUE(owners.owns("acme", object(1, "file-a")));
  EXPECT_FALSE(owners.owns("mallory", object(1, "file-a")));
  EXPECT_TRUE(owners.owns("globex", object(2, "file-a")));
  EXPECT_FALSE(owners.owns("acme", object(1, "file-b")));
}

TEST(ObjectOwners, TheSameIdAtTwoProvidersIsTwoObjects) {
  ObjectOwners owners({}, {});
  owners.add(object(1, "resp_1", "p"), "acme");
  owners.add(object(1, "resp_1", "q"), "mallory");
  EXPECT_TRUE(owners.owns("acme", object(1, "resp_1", "p")));
  EXPECT_FALSE(owners.owns("acme", object(1, "resp_1", "q")));
  EXPECT_TRUE(owners.owns("mallory", object(1, "resp_1", "q")));
  EXPECT_FALSE(owners.owns("mallory", object(1, "resp_1", "p")));
  owners.add(object(1, "1:ab", "p"), "acme");
  EXPECT_FALSE(owners.owns("acme", object(1, "ab", "p1:")));
}

TEST(ObjectOwners, IsBounded) {
  ObjectOwners owners({.entries_max = 160}, {});
  for (int i = 0; i < 5'000; ++i) owners.add(object(1, "file-" + std::to_string(i)), "acme");
  EXPECT_EQ(owners.size(), 160u);
  EXPECT_TRUE(owners.owns("acme", object(1, "file-4999")));
  EXPECT_FALSE(owners.owns("acme", object(1, "file-4839")));
  const std::string longest(ObjectOwners::id_max + 1, 'x');
  owners.add(object(1, longest), "acme");
  EXPECT_FALSE(owners.owns("acme", object(1, longest)));
}

TEST(ObjectOwners, NobodyPushesOutWhatIsWithinAnothersShare) {
  ObjectOwners owners({.entries_max = 100}, {});
  for (int i = 0; i < 50; ++i) owners.add(object(1, "file-" + std::to_string(i)), "acme");
  for (int i = 0; i < 10'000; ++i) owners.add(object(1, "conv-" + std::to_string(i)), "mallory");
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(owners.owns("acme", object(1, "file-" + std::to_string(i)))) << i;
  }
  EXPECT_TRUE(owners.owns("mallory", object(1, "conv-9999")));
  EXPECT_EQ(owners.size(), 100u);
}

TEST(ObjectOwners, ManyObjectsOfAKindDoNotPushOutTheFewOfAnother) {
  ObjectOwners owners({.entries_max = 100}, {});
  owners.add(object(1, "file-1"), "acme");
  for (int i = 0; i < 10'000; ++i) owners.add(object(2, "msg-" + std::to_string(i)), "acme");
  EXPECT_TRUE(owners.owns("acme", object(1, "file-1")));
}

TEST(ObjectOwners, OutlivesTheProcess) {
  const std::string path = file();
  {
    ObjectOwners owners({.path = path, .entries_max = 1'000}, [](const std::string&) {});
    for (int i = 0; i < 100; ++i) owners.add(object(3, "batch-" + std::to_string(i)), "acme");
    EXPECT_TRUE(owners.flush(10s));
    owners.add(object(3, "batch-0"), "mallory");
  }
  ObjectOwners again({.path = path, .entries_max = 1'000}, [](const std::string&) {});
  EXPECT_EQ(again.size(), 100u);
  EXPECT_TRUE(again.owns("acme", object(3, "batch-0")));
  EXPECT_TRUE(again.owns("acme", object(3, "batch-99")));
}

TEST(ObjectOwners, TheFileForgetsWhatMemoryForgets) {
  const std::string path = file();
  {
    ObjectOwners owners({.path = path, .entries_max = 100}, [](const std::string&) {});
    for (int i = 0; i < 20; ++i) owners.add(object(1, "file-" + std::to_string(i)), "acme");
    for (int i = 0; i < 3'000; ++i) owners.add(object(1, "conv-" + std::to_string(i)), "mallory");
    EXPECT_TRUE(owners.flush(10s));
  }
  ObjectOwners again({.path = path, .entries_max = 1'000}, [](const std::string&) {});
  EXPECT_EQ(again.size(), 100u);
  EXPECT_TRUE(again.owns("acme", object(1, "file-0")));
  EXPECT_FALSE(again.owns("mallory", object(1, "conv-0")));
  ObjectOwners lower({.path = path, .entries_max = 10}, [](const std::string&) {});
  EXPECT_EQ(lower.size(), 10u);
  EXPECT_TRUE(lower.owns("acme", object(1, "file-19")));
}

TEST(ObjectOwners, AFileThatIsNoneIsToldAtTheStart) {
  EXPECT_THROW(ObjectOwners({.path = "/proc/none/objects.db"}, {}), std::runtime_error);
}

}  // namespace
}  // namespace hawser::store
