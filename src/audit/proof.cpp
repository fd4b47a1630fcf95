#include "audit/proof.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace hawser::audit {
namespace {

constexpr std::size_t path_max = 64;

Error wrong(std::string what) {
  return {.code = Code::invalid_request, .message = std::move(what)};
}

/// ["<64 digits>",...]; nothing when it is something else.
std::optional<std::vector<Digest>> read_path(std::string_view array) {
  std::vector<Digest> path;
  JsonCursor cursor(array);
  if (!cursor.take('[')) return std::nullopt;
  while (cursor.peek() == '"' && path.size() < path_max) {
    const std::size_t begin = cursor.at();
    if (!cursor.skip_string()) return std::nullopt;
    const std::string_view text = cursor.since(begin);
    const auto digest = digest_from_hex(text.substr(1, text.size() - 2));
    if (!digest) return std::nullopt;
    path.push_back(*digest);
    if (!cursor.take(',')) break;
  }
  if (!cursor.take(']') || !cursor.at_end()) return std::nullopt;
  return path;
}

}  // namespace

bool Selection::fits(std::string_view json) const {
  const auto same = [&](const char* name, const std::string& wanted) {
    return wanted.empty() || json_text(json, name) == wanted;
  };
  return same("generation", generation) && same("request_id", request) && same("tenant", tenant) &&
         same("type", type);
}

void Prover::see(const Line& line) {
  if (line.type == "segment" && json_text(line.json, "after") != "crash") leaves_.clear();
  if (line.type != "root") {
    if (selection_.fits(line.json)) {
      waiting_.push_back({leaves_.size(), std::string(line.json), line.before});
    }
    leaves_.push_back(line.hash);
    return;
  }
  for (const Meant& meant : waiting_) {
    std::string proof = "{\"record\":" + meant.json + ",\"before\":\"";
    append_hex(proof, view(meant.before));
    proof += "\",\"index\":" + std::to_string(meant.index) + ",\"path\":[";
    for (const Digest& other : path_of(leaves_, meant.index, hasher_)) {
      if (proof.back() != '[') proof.push_back(',');
      proof.push_back('"');
      append_hex(proof, view(other));
      proof.push_back('"');
    }
    proof.append("],\"root\":").append(line.json).append("}");
    out_(proof);
    ++proved_;
  }
  waiting_.clear();
  leaves_.clear();
}

Result<std::string> check_proof(std::string_view proof, const std::vector<PublicKey>& trusted) {
  const std::string_view record = json_member(proof, "record");
  const std::string_view root = json_member(proof, "root");
  const auto before = digest_member(proof, "before");
  const auto index = json_number(proof, "index");
  const auto path = read_path(json_member(proof, "path"));
  if (record.empty() || root.empty() || !before || !index || !path) {
    return wrong("this is no proof: record, before, index, path and root are needed");
  }
  const bool is_signed = std::any_of(trusted.begin(), trusted.end(),
                                     [&](const PublicKey& key) { return signed_by(root, key); });
  if (!is_signed) return wrong("the root has no signature of a trusted key");
  const auto size = json_number(root, "lines");
  const auto tree = digest_member(root, "tree");
  if (!size || !tree) return wrong("the root names no tree");
  Hasher hasher;
  const Digest leaf = hasher.link(*before, record);
  if (root_by(leaf, *index, *size, *path, hasher) != tree) {
    return wrong("the record is not in the tree that was signed");
  }
  return std::string(record);
}

}  // namespace hawser::audit
