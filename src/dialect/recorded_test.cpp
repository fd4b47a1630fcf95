// Answers of real providers, as they were recorded: wherever the network cuts them, the same is
// read of them.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dialect/delta_text.hpp"
#include "dialect/stream_reader.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

fs::path recordings() {
  const char* shared = std::getenv("HAWSER_SHARED");
  return fs::path(shared != nullptr ? shared : HAWSER_SOURCE_DIR "/../shared") / "fixtures";
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// By the folder of the recording: PROVIDER/API/EXCHANGE/response.sse
struct Kind {
  AnswerFormat format = AnswerFormat::other;
  Api api = Api::other;
};
Kind kind_of(const fs::path& answer) {
  const std::string api = answer.parent_path().parent_path().filename();
  if (api == "chat") return {AnswerFormat::chat, Api::chat};
  if (api == "completions") return {AnswerFormat::completions, Api::completions};
  if (api == "responses") return {AnswerFormat::responses, Api::responses};
  if (api == "messages" || api == "rawPredict") return {AnswerFormat::messages, Api::messages};
  if (api == "streamGenerateContent") return {AnswerFormat::gemini, Api::other};
  return {};
}

/// All that is read of a stream that comes in pieces.
class Reading {
 public:
  explicit Reading(Kind kind) : api_(kind.api), reader_(kind.format) {}

  void feed(std::string_view piece) {
    const std::size_t before = held_.size();
    held_.append(piece);
    const std::size_t whole = scanner_.feed(piece);
    if (whole == 0) return;
    const std::string_view frames = std::string_view(held_).substr(0, before + whole);
    reader_.read(frames);
    append_all_deltas(api_, frames, text_);
    held_.erase(0, frames.size());
  }
  std::string finish() {
    reader_.read(held_);
    const Usage& usage = reader_.usage();
    return std::to_string(usage.known) + " " + std::to_string(usage.input) + " " +
           std::to_string(usage.output) + " " + std::to_string(usage.cached) + " " +
           std::to_string(usage.reasoning) + " ended " + std::to_string(reader_.ended()) +
           " finished " + std::to_string(reader_.finished()) + " failed " +
           std::to_string(reader_.failed()) + " " + text_;
  }
  const StreamReader& reader() const { return reader_; }

 private:
  Api api_;
  StreamReader reader_;
  wire::SseScanner scanner_;
  std::string held_;
  std::string text_;
};

template <class Each>
int for_each_recording(const std::string& name, Each each) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(recordings())) {
    if (entry.path().filename() != name) continue;
    SCOPED_TRACE(entry.path().parent_path().string());
    each(entry.path());
    ++count;
  }
  return count;
}

TEST(Recorded, StreamsAreReadAlikeWhereverTheyAreCut) {
  if (!fs::is_directory(recordings())) GTEST_SKIP() << "there are no recordings here";
  std::size_t cuts = 0;
  const int count = for_each_recording("response.sse", [&](const fs::path& path) {
    const std::string bytes = bytes_of(path);
    const Kind kind = kind_of(path);
    Reading whole(kind);
    whole.feed(bytes);
    const std::string expected = whole.finish();
    Reading single(kind);
    for (const char& byte : bytes) single.feed({&byte, 1});
    EXPECT_EQ(single.finish(), expected);
    // Every byte of the shorter ones, and of the others as many as time allows.
    const std::size_t step = 1 + bytes.size() * bytes.size() / 40'000'000 + bytes.size() / 600;
    for (std::size_t at = 1; at < bytes.size(); at += step, ++cuts) {
      Reading cut(kind);
      cut.feed(std::string_view(bytes).substr(0, at));
      cut.feed(std::string_view(bytes).substr(at));
      ASSERT_EQ(cut.finish(), expected) << "cut at " << at;
    }
  });
  std::printf("figure: %d recorded streams, cut at %zu places, are read alike\n", count, cuts);
  EXPECT_GT(count, 100);
}

TEST(Recorded, StreamsThatAreWholeHaveAnEnd) {
  if (!fs::is_directory(recordings())) GTEST_SKIP() << "there are no recordings here";
  int ended = 0;
  for_each_recording("response.sse", [&](const fs::path& path) {
    const Kind kind = kind_of(path);
    if (kind.format == AnswerFormat::other) return;
    const std::string bytes = bytes_of(path);
    Reading whole(kind);
    whole.feed(bytes);
    whole.finish();
    const bool shortened = bytes.find("cut by the source") != std::string::npos;
    EXPECT_TRUE(whole.reader().complete() || shortened);
    ended += whole.reader().complete() ? 1 : 0;
    // Without its last quarter it is no whole one any more.
    Reading half(kind);
    half.feed(std::string_view(bytes).substr(0, bytes.size() / 4));
    EXPECT_FALSE(half.reader().ended() && !half.reader().failed());
  });
  EXPECT_GT(ended, 100);
}

/// The same count, read by a parser that knows nothing of ours.
std::uint64_t count_in(const json::value& document, std::initializer_list<const char*> names) {
  if (!document.is_object()) return 0;
  const auto* usage = document.get_object().if_contains("usage");
  if (usage == nullptr || !usage->is_object()) return 0;
  for (const char* name : names) {
    const auto* count = usage->get_object().if_contains(name);
    if (count != nullptr && count->is_int64())
      return static_cast<std::uint64_t>(count->get_int64());
  }
  return 0;
}

TEST(Recorded, DocumentsTellTheirUsageWhereverTheyAreCut) {
  if (!fs::is_directory(recordings())) GTEST_SKIP() << "there are no recordings here";
  int with_usage = 0;
  for_each_recording("response.json", [&](const fs::path& path) {
    const std::string bytes = bytes_of(path);
    boost::system::error_code error;
    const json::value document = json::parse(bytes, error);
    if (error) return;
    const auto input = count_in(document, {"prompt_tokens", "input_tokens"});
    const auto output = count_in(document, {"completion_tokens", "output_tokens"});
    const std::size_t step = 1 + bytes.size() / 500;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      UsageReader reader;
      reader.feed(std::string_view(bytes).substr(0, at));
      reader.feed(std::string_view(bytes).substr(at));
      const Usage& usage = reader.usage();
      ASSERT_LE(std::uint64_t{usage.audio_input} + usage.image_input, usage.input);
      ASSERT_LE(std::uint64_t{usage.audio_output} + usage.image_output, usage.output);
      ASSERT_LE(usage.reasoning, usage.output);
      ASSERT_LE(usage.cache_write_long, usage.cache_write);
      ASSERT_EQ(usage.other_input + usage.other_output, 0u);
      // An advisor's calls stand beside the total, and so does sound with Mistral.
      const bool more = bytes.find("advisor_message") != std::string::npos || usage.audio_ms > 0;
      if (input > 0 && more) {
        ASSERT_GT(usage.input, input) << "cut at " << at;
      } else if (input > 0) {
        ASSERT_EQ(usage.input, input) << "cut at " << at;
      }
      // xAI's total says that what was thought is to be added.
      if (output == 0 || more) continue;
      ASSERT_GE(usage.output, output) << "cut at " << at;
      ASSERT_LE(usage.output, output + usage.reasoning) << "cut at " << at;
    }
    with_usage += input > 0 ? 1 : 0;
  });
  EXPECT_GT(with_usage, 100);
}

}  // namespace
}  // namespace hawser::dialect
