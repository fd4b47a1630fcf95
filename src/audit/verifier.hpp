#pragma once

#include <map>
#include <memory>

#include "audit/segment_reader.hpp"

namespace hawser::audit {

/// Whether a line of type "root" has a good signature of that key.
bool signed_by(std::string_view json, const PublicKey& key);

/// A root that was seen elsewhere: by a witness.
struct SeenRoot {
  std::uint64_t seq = 0;
  Digest hash{};
};

/// What a log is, line by line.
struct Report {
  std::uint64_t segments = 0;
  std::uint64_t lines = 0;
  std::uint64_t roots = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t signed_through = 0;  // seq of the last line that a root signs
  Digest head{};
  std::map<std::string, std::uint64_t, std::less<>> by_type{};
  std::vector<std::string> problems{};  // the first hundred
  std::uint64_t problems_more = 0;
  std::vector<std::string> remarks{};  // what is no problem, but should be known
};

/// Looks at a log from its first segment to its last, in bounded memory: pure.
class Verifier {
 public:
  struct Options {
    std::vector<PublicKey> trusted{};
    bool pruned = false;   // the oldest segments may be gone
    bool live = false;     // it is being written: its last line may be half
    bool stopped = false;  // it is not: it must end with a stop
  };
  /// The next root of a witness, in order; nothing: no more.
  using Witness = std::function<std::optional<SeenRoot>()>;

  explicit Verifier(Options options) : options_(std::move(options)) {}
  void set_witness(Witness witness);
  /// Told of each good line, before the next one is read.
  void on_line(SegmentReader::Each see) { see_ = std::move(see); }

  void begin_segment(std::uint64_t number);
  void feed(std::string_view bytes);
  void end_segment();
  Report finish();

 private:
  void take(const Line& line);
  void take_head(const Line& line);
  void take_root(const Line& line);
  void check_torn(const Line& line);
  void compare_with_witness(const Line& line);
  void problem(std::string what);
  std::string place() const;

  Options options_;
  Witness witness_{};
  std::optional<SeenRoot> seen_{};
  SegmentReader::Each see_{};
  std::unique_ptr<SegmentReader> reader_{};
  Hasher hasher_{};
  Tree tree_{};
  bool tree_known_ = true;  // false: lines of this batch are missing
  bool known_ = false;      // where the chain stands is known
  std::uint64_t segment_ = 0;
  std::uint64_t next_seq_ = 1;
  Digest hash_{};
  std::string log_{};
  const PublicKey* key_ = nullptr;
  std::vector<TornEnd> torn_{};  // ends that the next segment must know of
  bool torn_lines_ = false;
  std::string last_type_{};
  std::string type_before_root_{};
  Report report_{};
};

}  // namespace hawser::audit
