#include "audit/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/json.hpp"

namespace hawser::audit {
namespace {

constexpr std::size_t piece_size = 256 * 1024;

Error failed(const std::string& path) {
  const int why = errno;
  return {.code = why == ENOENT ? Code::not_found : Code::internal,
          .message = path + ": " + std::strerror(why)};
}

Result<> read_lines(const std::string& path, SegmentReader& reader,
                    const SegmentReader::Each& each) {
  const auto read = read_file(path, [&](std::string_view piece) { reader.feed(piece, each); });
  reader.end();
  return read;
}

/// Where the lines that no root signs begin at the latest: several crashes may be between them.
Result<std::size_t> last_with_root(const std::vector<Segment>& segments) {
  for (std::size_t i = segments.size(); i-- > 0;) {
    SegmentReader reader;
    bool has_root = false;
    const auto read = read_lines(segments[i].path, reader,
                                 [&](const Line& line) { has_root |= line.type == "root"; });
    if (!read) return read.error();
    if (has_root) return i;
  }
  return std::size_t{0};
}

}  // namespace

Result<std::vector<Segment>> segments_of(const std::string& folder) {
  std::vector<Segment> segments;
  DIR* const open = ::opendir(folder.c_str());
  if (open == nullptr) return failed(folder);
  while (const dirent* entry = ::readdir(open)) {
    if (const auto number = segment_number(entry->d_name)) {
      segments.push_back({*number, folder + "/" + entry->d_name});
    }
  }
  ::closedir(open);
  std::sort(segments.begin(), segments.end(),
            [](const Segment& a, const Segment& b) { return a.number < b.number; });
  return segments;
}

Result<> read_file(const std::string& path, const std::function<void(std::string_view)>& each) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(path);
  std::string piece(piece_size, '\0');
  for (;;) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const Error error = failed(path);
      ::close(fd);
      return error;
    }
    if (got == 0) break;
    each(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
  }
  ::close(fd);
  return Result<>();
}

Result<std::shared_ptr<WitnessFile>> WitnessFile::open(const std::string& path,
                                                       std::vector<PublicKey> trusted) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(path);
  return std::shared_ptr<WitnessFile>(new WitnessFile(fd, std::move(trusted)));
}

std::optional<SeenRoot> WitnessFile::last_of(const std::string& path, const PublicKey& trusted) {
  constexpr off_t looked_at = 64 * 1024;
  const auto file = open(path, {trusted});
  if (!file) return std::nullopt;
  const off_t size = ::lseek((*file)->fd_, 0, SEEK_END);
  ::lseek((*file)->fd_, size > looked_at ? size - looked_at : 0, SEEK_SET);
  std::optional<SeenRoot> last;
  while (auto root = (*file)->next()) last = root;
  return last;
}

WitnessFile::~WitnessFile() {
  ::close(fd_);
}

std::optional<std::string> WitnessFile::next_line() {
  for (;;) {
    const auto end = buffer_.find('\n', at_);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      return line;
    }
    buffer_.erase(0, std::exchange(at_, 0));
    if (buffer_.size() > line_max) buffer_.clear();  // no root is as long
    char piece[16 * 1024];
    const ssize_t got = ::read(fd_, piece, sizeof piece);
    if (got <= 0) return std::nullopt;
    buffer_.append(piece, static_cast<std::size_t>(got));
  }
}

std::optional<SeenRoot> WitnessFile::next() {
  while (auto line = next_line()) {
    const auto hash = digest_from_hex(std::string_view(*line).substr(0, 64));
    const std::string_view json =
        std::string_view(*line).substr(std::min<std::size_t>(65, line->size()));
    const auto seq = json_number(json, "seq");
    const bool good = hash && seq && *seq > last_seq_ &&
                      std::any_of(trusted_.begin(), trusted_.end(),
                                  [&](const PublicKey& key) { return signed_by(json, key); });
    if (!good) {
      ++bad_;
      continue;
    }
    last_seq_ = *seq;
    return SeenRoot{*seq, *hash};
  }
  return std::nullopt;
}

Result<Report> verify(const std::string& folder, Verifier& verifier) {
  const auto segments = segments_of(folder);
  if (!segments) return segments.error();
  for (const Segment& segment : *segments) {
    verifier.begin_segment(segment.number);
    const auto read =
        read_file(segment.path, [&](std::string_view piece) { verifier.feed(piece); });
    if (!read) return read.error();
    verifier.end_segment();
  }
  return verifier.finish();
}

Result<Resumed> resume(const std::string& folder) {
  const auto segments = segments_of(folder);
  if (!segments) return segments.error();
  Resumed out;
  if (segments->empty()) return out;
  const auto first = last_with_root(*segments);
  if (!first) return first.error();
  out.begun = true;
  std::uint64_t lines = 0;
  bool stops = false;
  for (std::size_t i = *first; i < segments->size(); ++i) {
    SegmentReader reader;
    const auto read = read_lines((*segments)[i].path, reader, [&](const Line& line) {
      stops = line.type == "stop" || (stops && line.type == "root");
      if (line.type == "root") return out.unsigned_lines.clear();
      out.unsigned_lines.add(line.hash, out.hasher);
      if (line.type != "segment") return;
      out.state.log = json_text(line.json, "log").value_or("");
      out.torn.clear();  // it knows of those before it
      out.torn_lines = false;
    });
    if (!read) return read.error();
    lines += reader.lines();
    if (reader.lines() > 0) {
      out.state.hash = reader.hash();
      out.state.next_seq = reader.next_seq();
    }
    if (reader.tail_bytes() == 0 && reader.lines() > 0) continue;
    out.torn.push_back({(*segments)[i].number, reader.tail_bytes(), reader.tail_digest()});
    out.torn_lines = out.torn_lines || reader.tail_has_lines();
  }
  if (lines == 0) {
    return Error{.code = Code::internal,
                 .message = folder + ": no line of the log that is there can be read"};
  }
  out.state.next_segment = segments->back().number + 1;
  out.stopped = stops && out.unsigned_lines.size() == 0 && out.torn.empty();
  return out;
}

}  // namespace hawser::audit
