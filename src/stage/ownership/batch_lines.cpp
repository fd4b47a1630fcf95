#include "stage/ownership/batch_lines.hpp"

#include <algorithm>

#include "dialect/object_references.hpp"

namespace hawser::stage::ownership {
namespace {

constexpr std::size_t purpose_max = 64;  // bytes

Error unreadable() {
  return {.code = Code::invalid_request,
          .message =
              "The file of a batch must be lines of JSON objects without repeated names, of "
              "at most 4 MiB each: what they refer to must be known.",
          .param = "file",
          .client_may_retry = false};
}

}  // namespace

void BatchLines::begin_part(std::string_view name, bool file) {
  in_file_ = file || name == "file";
  in_purpose_ = !in_file_ && name == "purpose";
  if (in_purpose_) purpose_.clear();
  if (in_file_) ++files_;
}

void BatchLines::content(std::string_view bytes) {
  if (in_purpose_) purpose_.append(bytes.substr(0, purpose_max + 1 - purpose_.size()));
  if (in_file_ && !error_) take_lines(bytes);
}

void BatchLines::end_part() {
  // Other providers have other words for it: "batch-api", "batch_input".
  std::transform(purpose_.begin(), purpose_.end(), purpose_.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (in_purpose_ && (purpose_.size() > purpose_max || purpose_.find("batch") != purpose_.npos)) {
    for_batch_ = true;
  }
  if (in_file_ && !error_) read(std::exchange(held_, {}));
  in_file_ = in_purpose_ = false;
  lease_.release();
}

Result<> BatchLines::check() const {
  if (for_batch_ && error_) return *error_;
  return {};
}

void BatchLines::fail(Error error) {
  error_ = std::move(error);
  held_ = {};
  lease_.release();
}

void BatchLines::take_lines(std::string_view bytes) {
  while (!bytes.empty() && !error_) {
    const auto end = bytes.find('\n');
    if (end == bytes.npos) {
      hold(bytes);
      return;
    }
    if (held_.empty()) {
      read(bytes.substr(0, end));
    } else if (hold(bytes.substr(0, end))) {
      read(std::exchange(held_, {}));
      lease_.release();
    }
    bytes.remove_prefix(end + 1);
  }
}

bool BatchLines::hold(std::string_view bytes) {
  const bool text = !held_.empty() || bytes.find_first_not_of(" \t\r") == bytes.npos ||
                    bytes[bytes.find_first_not_of(" \t\r")] == '{';
  if (!text || held_.size() + bytes.size() > line_max || !lease_.try_grow(bytes.size())) {
    fail(unreadable());
    return false;
  }
  held_.append(bytes);
  return true;
}

void BatchLines::read(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == line.npos) return;
  if (line[begin] != '{' || line.size() > line_max) return fail(unreadable());
  std::optional<Error> error;
  const auto outcome = dialect::for_each_reference(
      line, dialect::batch_line_rules, [&](dialect::ObjectKind kind, std::string_view id) {
        if (error || owns_(kind, id)) return;
        error = Error{.code = Code::not_found,
                      .message = "No such object: a line of the file names " +
                                 std::string(id.substr(0, 128)) +
                                 ", which was not made through this gateway by your tenant.",
                      .param = "file",
                      .client_may_retry = false};
      });
  if (error) return fail(std::move(*error));
  if (outcome != dialect::ReferencesRead::all) fail(unreadable());
}

}  // namespace hawser::stage::ownership
