#include "settings/reference.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace hawser::settings {
namespace {

TEST(Reference, ThePageInTheRepositoryIsTheCurrentOne) {
  const std::string path = HAWSER_SOURCE_DIR "/docs/configuration.md";
  if (std::getenv("HAWSER_UPDATE") != nullptr) std::ofstream(path) << configuration_page();
  std::ifstream in(path);
  const std::string page((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(page, configuration_page()) << "run HAWSER_UPDATE=1 ./dev test Reference";
}

}  // namespace
}  // namespace hawser::settings
