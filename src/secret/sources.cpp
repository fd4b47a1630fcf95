#include "secret/sources.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

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

Result<std::string> open_reference(const std::string& reference, const config::Lookups& lookups) {
  const auto hash = reference.rfind('#');
  if (hash == std::string::npos || hash == 0 || hash + 1 == reference.size()) {
    return wrong("'" + reference + "' must be PATH#NAME");
  }
  const auto file = read_sealed(reference.substr(0, hash));
  if (!file) return file.error();
  const auto master = master_key(lookups);
  if (!master) return master.error();
  const auto value = file->open(*master, reference.substr(hash + 1));
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
  auto key = MasterKey::parse(Secret(std::move(*text)));
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
  lookups.sealed = [plain = config::system_lookups()](const std::string& reference) {
    return open_reference(reference, plain);
  };
  return lookups;
}

}  // namespace hawser::secret
