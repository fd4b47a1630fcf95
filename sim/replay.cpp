#include "sim/replay.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "wire/http1.hpp"
#include "wire/sse.hpp"

namespace hawser::sim {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string compact(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  return error ? std::string() : json::serialize(value);
}

std::string_view type_of(std::string_view file) {
  if (file.ends_with(".sse")) return "text/event-stream";
  if (file.ends_with(".json")) return "application/json";
  if (file.ends_with(".ndjson")) return "application/x-ndjson";
  if (file.ends_with(".eventstream")) return "application/vnd.amazon.eventstream";
  return "text/plain";
}

/// One part for each event, and what stands behind the last one.
std::vector<std::string> events_of(const std::string& body) {
  std::vector<std::string> parts;
  wire::SseScanner scanner;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (scanner.feed(std::string_view(body).substr(i, 1)) == 0) continue;
    parts.push_back(body.substr(begin, i + 1 - begin));
    begin = i + 1;
  }
  if (begin < body.size()) parts.push_back(body.substr(begin));
  return parts;
}

/// Fields that the transport sets, not the recording.
bool belongs_to_transport(std::string_view name) {
  return wire::hop_by_hop(name) || wire::same_token(name, "content-length") ||
         wire::same_token(name, "content-encoding") || wire::same_token(name, "content-type");
}

std::string path_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const auto slash = std::min(url.find('/'), url.size());
  url.remove_prefix(slash);
  return std::string(url.substr(0, url.find('?')));
}

}  // namespace

Result<> Replay::load(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
    if (entry.path().filename() != "meta.json") continue;
    const auto home = entry.path().parent_path();
    auto loaded = load_one(home.string(), fs::relative(home, folder).string());
    if (!loaded) return loaded;
  }
  if (error || exchanges_.empty()) {
    return Error{.code = Code::invalid_request, .message = folder + ": no recorded exchanges"};
  }
  return {};
}

Result<> Replay::load_one(const std::string& folder, const std::string& id) {
  boost::system::error_code error;
  const json::value meta_value = json::parse(slurp(folder + "/meta.json"), error);
  if (error || !meta_value.is_object()) {
    return Error{.code = Code::invalid_request, .message = folder + "/meta.json is not JSON"};
  }
  const auto& meta = meta_value.get_object();
  const auto text = [&](const char* name) {
    const auto* value = meta.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  };
  Recorded recorded;
  recorded.method = text("method");
  recorded.path = path_of(text("url"));
  const std::string request = text("request_file");
  if (!request.empty()) recorded.body = slurp(folder + "/" + request);
  recorded.body_json = compact(recorded.body);
  Answer& answer = recorded.answer;
  const auto* status = meta.if_contains("status");
  if (status != nullptr && status->is_int64())
    answer.status = static_cast<int>(status->get_int64());
  const std::string response = text("response_file");
  const std::string body = response.empty() ? "" : slurp(folder + "/" + response);
  answer.content_type = type_of(response);
  answer.stream = response.ends_with(".sse");
  if (answer.stream)
    answer.parts = events_of(body);
  else
    answer.parts.push_back(body);
  if (const auto* headers = meta.if_contains("response_headers"); headers && headers->is_object()) {
    for (const auto& [name, value] : headers->get_object()) {
      if (!value.is_string()) continue;
      const std::string value_text(value.get_string());
      if (wire::same_token(std::string_view(name.data(), name.size()), "content-type")) {
        answer.content_type = value_text;
      } else if (!belongs_to_transport(std::string_view(name.data(), name.size()))) {
        answer.headers.emplace_back(std::string(name), value_text);
      }
    }
  }
  exchanges_.emplace(id, std::move(recorded));
  return {};
}

const Answer* Replay::find(std::string_view id, std::string_view method, std::string_view tail,
                           std::string_view body) const {
  if (!id.empty()) {
    const auto found = exchanges_.find(id);
    return found == exchanges_.end() ? nullptr : &found->second.answer;
  }
  const std::string as_json = compact(body);
  const Recorded* alike = nullptr;
  for (const auto& [name, recorded] : exchanges_) {
    if (recorded.method != method || !std::string_view(recorded.path).ends_with(tail)) continue;
    if (recorded.body == body) return &recorded.answer;
    if (!as_json.empty() && recorded.body_json == as_json) alike = &recorded;
  }
  return alike == nullptr ? nullptr : &alike->answer;
}

}  // namespace hawser::sim
