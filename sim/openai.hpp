#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <string_view>

#include "sim/answer.hpp"
#include "sim/plan.hpp"

namespace hawser::sim {

struct Call {
  std::string_view method;
  std::string_view target;  // with its query
  std::string_view tail;    // behind the version: "/chat/completions"
  std::string_view content_type;
  std::string_view body;
  std::string body_sha256;
  const wire::RequestHead* head = nullptr;
};

/// OpenAI's API, deterministic: the same request gets the same bytes, but for ids that count up.
class OpenAi {
 public:
  Answer answer(const Call& call, const Plan& plan);

 private:
  Answer chat(const boost::json::object& request, const Plan& plan);
  Answer completions(const boost::json::object& request, const Plan& plan);
  Answer responses(const boost::json::object& request, const Plan& plan);
  Answer embeddings(const boost::json::object& request);
  Answer files(const Call& call);
  std::string next_id(std::string_view prefix);

  std::uint64_t ids_ = 0;
  std::map<std::string, std::string> files_;      // id to content
  std::map<std::string, std::string> responses_;  // id to JSON
};

/// {"error":{...}} as OpenAI writes it.
Answer openai_error(int status, std::string_view message, std::string_view type,
                    std::string_view param, std::string_view code);

}  // namespace hawser::sim
