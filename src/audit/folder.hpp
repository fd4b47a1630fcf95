#pragma once

#include <functional>

#include "audit/verifier.hpp"

namespace hawser::audit {

struct Segment {
  std::uint64_t number = 0;
  std::string path{};
};
/// Those of a folder, in order. Error: not_found when it is none
Result<std::vector<Segment>> segments_of(const std::string& folder);

/// Gives a file in pieces. Error: not_found, internal; the message names the path
Result<> read_file(const std::string& path, const std::function<void(std::string_view)>& each);

/// The roots of a witness's file, in order, one at a time; only those that a trusted key signed
/// count.
class WitnessFile {
 public:
  /// Error: not_found; the message names the path
  static Result<std::shared_ptr<WitnessFile>> open(const std::string& path,
                                                   std::vector<PublicKey> trusted);
  /// Its last root, looked for in the last 64 KiB.
  static std::optional<SeenRoot> last_of(const std::string& path, const PublicKey& trusted);
  ~WitnessFile();
  std::optional<SeenRoot> next();
  /// Lines that are no root with a good signature.
  std::uint64_t bad() const { return bad_; }

 private:
  WitnessFile(int fd, std::vector<PublicKey> trusted) : fd_(fd), trusted_(std::move(trusted)) {}
  std::optional<std::string> next_line();

  int fd_;
  std::vector<PublicKey> trusted_;
  std::string buffer_{};
  std::size_t at_ = 0;
  std::uint64_t bad_ = 0;
  std::uint64_t last_seq_ = 0;
};

/// Looks at a whole log. Error: as segments_of, read_file
Result<Report> verify(const std::string& folder, Verifier& verifier);

/// Where a log that was written before goes on.
struct Resumed {
  ChainState state{};
  Tree unsigned_lines{};
  Hasher hasher{};  // for them
  std::vector<TornEnd> torn{};
  bool torn_lines = false;  // more than a write that was cut short
  bool begun = false;       // there is one
  bool stopped = false;     // it ended in good order
};
/// Errors: as segments_of, read_file; internal when no line of the log reads
Result<Resumed> resume(const std::string& folder);

}  // namespace hawser::audit
