#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sim/answer.hpp"

namespace hawser::sim {

/// Recorded exchanges: PROVIDER/API/NAME/ with meta.json, request.json and one of response.json,
/// .sse, .ndjson, .eventstream or .txt.
class Replay {
 public:
  Result<> load(const std::string& folder);
  bool empty() const { return exchanges_.empty(); }

  /// The answer of the exchange with that id, or of one whose request is the same: path and body,
  /// byte for byte or as JSON. Null: none is recorded.
  const Answer* find(std::string_view id, std::string_view method, std::string_view tail,
                     std::string_view body) const;

 private:
  struct Recorded {
    std::string method;
    std::string path;
    std::string body;
    std::string body_json;  // without blanks; empty when it is not JSON
    Answer answer;
  };
  Result<> load_one(const std::string& folder, const std::string& id);
  std::map<std::string, Recorded, std::less<>> exchanges_;
};

}  // namespace hawser::sim
