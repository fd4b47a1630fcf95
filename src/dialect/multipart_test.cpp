#include "dialect/multipart.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

const std::string form =
    "--b1\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\nde\r\n"
    "--b1\r\ncontent-disposition: form-data; name=model\r\nContent-Type: text/plain\r\n\r\n"
    "whisper-1\r\n"
    "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF";

std::string value_of(std::string_view text, std::string_view name) {
  const auto found = find_form_value(text, "b1", name);
  return found ? std::string(text.substr(found->at, found->size)) : "none";
}

TEST(Multipart, TakesTheBoundaryInEachSpelling) {
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=b1"), "b1");
  EXPECT_EQ(form_boundary("Multipart/Form-Data;charset=x; boundary=\"b 1\""), "b 1");
  EXPECT_EQ(form_boundary("multipart/mixed; boundary=b1"), "");
  EXPECT_EQ(form_boundary("multipart/form-data"), "");
}

TEST(Multipart, FindsPlainFields) {
  EXPECT_EQ(value_of(form, "model"), "whisper-1");
  EXPECT_EQ(value_of(form, "language"), "de");
  EXPECT_EQ(value_of(form, "prompt"), "none");
}

TEST(Multipart, FilesAreNotFields) {
  EXPECT_EQ(value_of("--b1\r\nContent-Disposition: form-data; name=\"model\"; filename=\"\"\r\n\r\n"
                     "x\r\n--b1--",
                     "model"),
            "none");
}

TEST(Multipart, AnyCutIsNoneOrTheSame) {
  for (std::size_t size = 0; size <= form.size(); ++size) {
    const auto value = value_of(std::string_view(form).substr(0, size), "model");
    EXPECT_TRUE(value == "none" || value == "whisper-1") << size;
  }
}

}  // namespace
}  // namespace hawser::dialect
