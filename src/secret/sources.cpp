#include "secret/sources.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>

#include "base/base64.hpp"
#include "secret/keeper.hpp"

namespace hawser::secret {
namespace {

Error wrong(std::string why) {
  return {.code = Code::invalid_request, .message = std::move(why)};
}

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

/// Anybody could put another value there.
bool others_may_write(const std::string& path) {
  struct stat file {};
  return ::stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) && (file.st_mode & S_IWOTH) != 0;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0;
}

/// A master key that KMS made: 32 bytes, which are parsed as base64.
Result<Secret> open_by_kms(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
  const auto reference = parse_reference("kms", text.substr(4));
  if (!reference) return wrong("the master key " + reference.error().message);
  Keeper keeper;
  Keeper::Wanted wanted;
  wanted.config = std::make_shared<SecretsConfig>();
  wanted.references.push_back(*reference);
  const auto given = keeper.get(std::move(wanted), How::anew);
  const auto found = given.documents.find(reference->document());
  if (found == given.documents.end()) return wrong("the master key was not fetched");
  if (!found->second) return wrong("the master key: " + found->second.error().message);
  std::string encoded;
  append_base64(encoded, found->second->reveal());
  return Secret(std::move(encoded));
}

/// The master key, got once: a KMS is not asked for every value.
class KeptMasterKey {
 public:
  const Result<MasterKey>* get(const config::Lookups& lookups) {
    const std::lock_guard lock(mutex_);
    if (!key_) key_ = std::make_unique<Result<MasterKey>>(master_key(lookups));
    return key_.get();
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Result<MasterKey>> key_;
};

Result<std::string> open_reference(const std::string& reference, const config::Lookups& lookups,
                                   KeptMasterKey& kept) {
  const auto hash = reference.rfind('#');
  if (hash == std::string::npos || hash == 0 || hash + 1 == reference.size()) {
    return wrong("'" + reference + "' must be PATH#NAME");
  }
  const auto file = read_sealed(reference.substr(0, hash));
  if (!file) return file.error();
  const auto master = kept.get(lookups);
  if (!*master) return master->error();
  const auto value = file->open(**master, reference.substr(hash + 1));
  if (!value) return wrong("the file " + reference.substr(0, hash) + " " + value.error().message);
  return std::string(value->reveal());
}

}  // namespace

Result<MasterKey> master_key(const config::Lookups& lookups) {
  auto text = lookups.environment("HAWSER_MASTER_KEY");
  if (!text || text->empty()) {
    const auto path = lookups.environment("HAWSER_MASTER_KEY_FILE");
    if (!path || path->empty()) {
      return wrong("there is no master key: set HAWSER_MASTER_KEY_FILE or HAWSER_MASTER_KEY");
    }
    if (others_may_write(*path)) return wrong("the file " + *path + " can be written by everyone");
    text = read_text(*path);
    if (!text) return wrong("the file " + *path + " cannot be read");
  }
  Secret clear(std::move(*text));
  if (clear.reveal().starts_with("kms:")) {
    auto opened = open_by_kms(clear.reveal());
    if (!opened) return opened.error();
    clear = std::move(*opened);
  }
  auto key = MasterKey::parse(clear);
  if (!key) return wrong("the master key " + key.error().message);
  return std::move(*key);
}

Result<SealedFile> read_sealed(const std::string& path) {
  const auto text = read_text(path);
  if (!text) {
    return Error{.code = Code::not_found, .message = "the file " + path + " cannot be read"};
  }
  auto file = SealedFile::parse(*text);
  if (!file) return wrong("the file " + path + " " + file.error().message);
  return std::move(*file);
}

Result<> write_sealed(const std::string& path, const SealedFile& file) {
  const std::string fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written = fd >= 0 && write_all(fd, file.text());
  const int problem = errno;
  if (fd >= 0) ::close(fd);
  if (written && ::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const int last = written ? errno : problem;
  if (fd >= 0) ::unlink(fresh.c_str());
  return wrong("the file " + path + " cannot be written: " + std::strerror(last));
}

config::Lookups all_lookups() {
  config::Lookups lookups = config::system_lookups();
  lookups.file = [read = lookups.file](const std::string& path) -> Result<std::string> {
    if (others_may_write(path)) return wrong("the file " + path + " can be written by everyone");
    return read(path);
  };
  lookups.sealed = [plain = config::system_lookups(),
                    kept = std::make_shared<KeptMasterKey>()](const std::string& reference) {
    return open_reference(reference, plain, *kept);
  };
  return lookups;
}

}  // namespace hawser::secret
