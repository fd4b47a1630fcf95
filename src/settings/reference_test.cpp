#include "settings/reference.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace hawser::settings {
namespace {

void expect_current(const std::string& path, const std::string& generated) {
  if (std::getenv("HAWSER_UPDATE") != nullptr) std::ofstream(path) << generated;
  std::ifstream in(path);
  const std::string kept((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(kept, generated) << "run HAWSER_UPDATE=1 ./dev test Reference";
}

TEST(Reference, ThePageInTheRepositoryIsTheCurrentOne) {
  expect_current(HAWSER_SOURCE_DIR "/docs/configuration.md", configuration_page());
}

TEST(Reference, TheSchemaInTheRepositoryIsTheCurrentOne) {
  expect_current(HAWSER_SOURCE_DIR "/docs/hawser.schema.json", configuration_schema());
}

}  // namespace
}  // namespace hawser::settings
