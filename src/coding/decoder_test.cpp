#include "coding/decoder.hpp"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

namespace hawser::coding {
namespace {

constexpr DecodeLimits wide{.size_max = 64 * 1024 * 1024, .ratio_max = 1'000'000};

/// @param bits  MAX_WBITS + 16: gzip; MAX_WBITS: deflate; -MAX_WBITS: deflate without its wrapper
std::string by_zlib(std::string_view text, int bits) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string gzip(std::string_view text) {
  return by_zlib(text, MAX_WBITS + 16);
}
std::string br(std::string_view text) {
  std::size_t size = BrotliEncoderMaxCompressedSize(text.size()) + 64;
  std::string out(size, '\0');
  EXPECT_EQ(BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, text.size(),
                                  reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                                  reinterpret_cast<std::uint8_t*>(out.data())),
            BROTLI_TRUE);
  out.resize(size);
  return out;
}
std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// Cut into pieces of `step`, through a buffer of `room`: the text, or "!" and why not.
std::string decode(Coding coding, std::string_view bytes, std::size_t step, std::size_t room,
                   const DecodeLimits& limits = wide) {
  Decoder decoder(coding, limits);
  std::string buffer(room, '\0'), out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto fed = decoder.feed(bytes.substr(at, step), buffer,
                                  [&](std::string_view piece) { out.append(piece); });
    if (!fed) return "!" + std::string(hawser::name_of(fed.error().code));
  }
  const auto whole = decoder.finish();
  return whole ? out : "!" + std::string(hawser::name_of(whole.error().code));
}

struct Form {
  const char* name;
  Coding coding;
  std::string (*encode)(std::string_view);
};
const std::array<Form, 5> forms{{
    {"gzip", Coding::gzip, gzip},
    {"deflate", Coding::deflate, [](std::string_view t) { return by_zlib(t, MAX_WBITS); }},
    {"deflate without wrapper", Coding::deflate,
     [](std::string_view t) { return by_zlib(t, -MAX_WBITS); }},
    {"br", Coding::br, br},
    {"zstd", Coding::zstd, zstd},
}};

std::string text_of(std::size_t size) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size) text.append(std::to_string(random() % 1000)).append(" words, ");
  text.resize(size);
  return text;
}

TEST(ContentEncoding, NamesOneCodingOrIsRefused) {
  EXPECT_EQ(parse_content_encoding("gzip"), Coding::gzip);
  EXPECT_EQ(parse_content_encoding("X-GZip"), Coding::gzip);
  EXPECT_EQ(parse_content_encoding(" ZSTD\t"), Coding::zstd);
  EXPECT_EQ(parse_content_encoding("br"), Coding::br);
  EXPECT_EQ(parse_content_encoding("Deflate"), Coding::deflate);
  EXPECT_EQ(parse_content_encoding("identity"), Coding::identity);
  EXPECT_EQ(parse_content_encoding(""), Coding::identity);
  for (const char* refused : {"gzip, gzip", "identity, gzip", "gzip,", "compress", "aws-chunked",
                              "gzip;q=1", "*", "gzi", "gzipp", "x-zstd"}) {
    EXPECT_EQ(parse_content_encoding(refused), std::nullopt) << refused;
  }
}

TEST(Decoder, UnpacksHoweverItIsCutAndWhateverTheRoom) {
  for (const auto& form : forms) {
    for (const std::size_t size : {0ul, 1ul, 2ul, 100ul, 70'000ul, 400'000ul}) {
      const std::string text = text_of(size);
      const std::string packed = form.encode(text);
      SCOPED_TRACE(std::string(form.name) + " of " + std::to_string(size));
      EXPECT_EQ(decode(form.coding, packed, packed.size(), 16'384), text);
      EXPECT_EQ(decode(form.coding, packed, 1, 16'384), text);
      EXPECT_EQ(decode(form.coding, packed, 7, 3), text);
      const std::size_t least = size < 1000 ? 1 : 100;
      EXPECT_EQ(decode(form.coding, packed, least, least), text);
    }
  }
}

TEST(Decoder, RefusesWhatEndsTooEarlyAtEveryByte) {
  const std::string text = text_of(3000);
  for (const auto& form : forms) {
    const std::string packed = form.encode(text);
    for (std::size_t size = 1; size < packed.size(); ++size) {
      EXPECT_EQ(decode(form.coding, packed.substr(0, size), size, 4096), "!invalid_request")
          << form.name << " cut behind " << size;
    }
    EXPECT_EQ(decode(form.coding, "", 1, 16), "");
  }
}

TEST(Decoder, RefusesWhatStandsBehindTheEnd) {
  for (const auto& form : forms) {
    const std::string packed = form.encode("text") + "behind";
    EXPECT_EQ(decode(form.coding, packed, packed.size(), 4096), "!invalid_request") << form.name;
    EXPECT_EQ(decode(form.coding, packed, 1, 4096), "!invalid_request") << form.name;
  }
}

TEST(Decoder, TakesSeveralMembersAndFrames) {
  EXPECT_EQ(decode(Coding::gzip, gzip("one ") + gzip("") + gzip("two"), 5, 3), "one two");
  const std::string skipped("\x53\x2a\x4d\x18\x03\x00\x00\x00zip", 11);
  const std::string frames = zstd("one ") + skipped + zstd("two");
  for (std::size_t step = 1; step <= frames.size(); ++step) {
    EXPECT_EQ(decode(Coding::zstd, frames, step, 3), "one two");
  }
}

TEST(Decoder, RefusesWhatItIsNot) {
  for (const auto& form : forms) {
    const std::string packed = form.encode(text_of(3000));
    for (const Coding other : {Coding::gzip, Coding::deflate, Coding::br, Coding::zstd}) {
      if (other == form.coding) continue;
      EXPECT_EQ(decode(other, packed, packed.size(), 4096).substr(0, 1), "!")
          << form.name << " as " << name_of(other);
    }
  }
  EXPECT_EQ(decode(Coding::zstd, R"({"model": "m"})", 100, 4096), "!invalid_request");
  const std::string older("\x27\xb5\x2f\xfd\x00\x00\x00", 7);  // zstd 0.7
  EXPECT_EQ(decode(Coding::zstd, older, 7, 4096), "!invalid_request");
}

TEST(Decoder, StopsBombsAtTheBound) {
  const std::string zeros(12 * 1024 * 1024, '\0');
  for (const auto& form : forms) {
    const std::string bomb = form.encode(zeros);
    SCOPED_TRACE(form.name);
    for (const DecodeLimits limits : {DecodeLimits{.size_max = 1'000'000, .ratio_max = 1'000'000},
                                      DecodeLimits{.size_max = 64 * 1024 * 1024}}) {
      Decoder decoder(form.coding, limits);
      std::string buffer(16 * 1024, '\0');
      std::uint64_t given = 0;
      const auto fed = decoder.feed(bomb, buffer, [&](std::string_view p) { given += p.size(); });
      ASSERT_FALSE(fed);
      EXPECT_EQ(fed.error().code, Code::too_large);
      EXPECT_LE(given, 10'000'000u);
    }
  }
}

TEST(Decoder, ForgivesTheRatioOfWhatIsSmall) {
  const DecodeLimits limits{.size_max = 1 << 20, .ratio_max = 2, .ratio_free = 10'000};
  EXPECT_EQ(decode(Coding::gzip, gzip(std::string(10'000, 'a')), 100, 100, limits).size(), 10'000u);
  EXPECT_EQ(decode(Coding::gzip, gzip(std::string(10'001, 'a')), 100, 100, limits), "!too_large");
}

TEST(Decoder, RefusesWindowsThatAreTooLarge) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 24);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  const std::string text = text_of(2000);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_inBuffer first{text.data(), 1000, 0};
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  ZSTD_compressStream2(context, &output, &first, ZSTD_e_continue);
  ZSTD_inBuffer rest{text.data() + 1000, 1000, 0};
  ASSERT_EQ(ZSTD_compressStream2(context, &output, &rest, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  out.resize(output.pos);
  EXPECT_EQ(decode(Coding::zstd, out, out.size(), 4096), "!invalid_request");
}

TEST(Decoder, DecodesAWholeBody) {
  EXPECT_EQ(*decode_whole(Coding::br, br("text"), {.size_max = 4}), "text");
  EXPECT_EQ(decode_whole(Coding::br, br("text"), {.size_max = 3}).error().code, Code::too_large);
  EXPECT_EQ(*decode_whole(Coding::identity, "text", {.size_max = 4}), "text");
  EXPECT_EQ(decode_whole(Coding::gzip, gzip("text").substr(0, 12), {.size_max = 9}).error().message,
            "The gzip body ends too early.");
}

}  // namespace
}  // namespace hawser::coding
