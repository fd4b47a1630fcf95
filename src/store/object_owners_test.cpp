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

TEST(ObjectOwners, TheFirstOwnerStays) {
  ObjectOwners owners({}, {});
  owners.add(1, "file-a", "acme");
  owners.add(1, "file-a", "mallory");
  owners.add(2, "file-a", "globex");
  EXPECT_EQ(owners.owner_of(1, "file-a"), "acme");
  EXPECT_EQ(owners.owner_of(2, "file-a"), "globex");
  EXPECT_EQ(owners.owner_of(1, "file-b"), std::nullopt);
}

TEST(ObjectOwners, IsBounded) {
  ObjectOwners owners({.entries_max = 160}, {});
  for (int i = 0; i < 5'000; ++i) owners.add(1, "file-" + std::to_string(i), "acme");
  EXPECT_LE(owners.size(), 160u);
  EXPECT_EQ(owners.owner_of(1, "file-4999"), "acme");
  owners.add(1, std::string(ObjectOwners::id_max + 1, 'x'), "acme");
  EXPECT_EQ(owners.owner_of(1, std::string(ObjectOwners::id_max + 1, 'x')), std::nullopt);
}

TEST(ObjectOwners, OutlivesTheProcess) {
  const std::string path = file();
  {
    ObjectOwners owners({.path = path, .entries_max = 1'000}, [](const std::string&) {});
    for (int i = 0; i < 100; ++i) owners.add(3, "batch-" + std::to_string(i), "acme");
    EXPECT_TRUE(owners.flush(10s));
    owners.add(3, "batch-0", "mallory");
  }
  ObjectOwners again({.path = path, .entries_max = 1'000}, [](const std::string&) {});
  EXPECT_EQ(again.size(), 100u);
  EXPECT_EQ(again.owner_of(3, "batch-0"), "acme");
  EXPECT_EQ(again.owner_of(3, "batch-99"), "acme");
}

TEST(ObjectOwners, AFileThatIsNoneIsToldAtTheStart) {
  EXPECT_THROW(ObjectOwners({.path = "/proc/none/objects.db"}, {}), std::runtime_error);
}

}  // namespace
}  // namespace hawser::store
