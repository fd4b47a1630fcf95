// Property: bytes of a segment are read the same however they come in; good lines and tail are all
// of it; each good line follows from the one before it. A log of them is never good by a key that
// signed nothing.
#include <cstdint>
#include <cstdlib>

#include "audit/verifier.hpp"

using namespace hawser::audit;

namespace {

struct Seen {
  std::uint64_t lines = 0;
  std::uint64_t good = 0;
  std::uint64_t tail = 0;
  bool tail_has_lines = false;
  Digest tail_digest{};
  Digest hash{};
  bool operator==(const Seen&) const = default;
};

Seen read(std::string_view bytes, std::size_t piece) {
  SegmentReader reader;
  std::uint64_t expected = 0;
  const auto each = [&](const Line& line) {
    if (expected != 0 && line.seq != expected) std::abort();
    expected = line.seq + 1;
  };
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece), each);
  }
  reader.end();
  if (reader.good_bytes() + reader.tail_bytes() != bytes.size()) std::abort();
  return {reader.lines(),          reader.good_bytes(),  reader.tail_bytes(),
          reader.tail_has_lines(), reader.tail_digest(), reader.hash()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Seen whole = read(bytes, size + 1);
  if (whole != read(bytes, 1) || whole != read(bytes, 13)) std::abort();
  Verifier verifier({});
  verifier.begin_segment(1);
  verifier.feed(bytes);
  verifier.end_segment();
  const Report report = verifier.finish();
  if (report.problems.empty()) std::abort();
  return 0;
}
