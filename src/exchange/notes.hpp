#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dialect/usage.hpp"

namespace hawser::exchange {

/// What is noted of the decisions on an exchange's way, for the audit. Names of the configuration,
/// ids and counts: nothing that a client or a provider wrote. Stays on its worker.
class Notes : public boost::intrusive_ref_counter<Notes, boost::thread_unsafe_counter> {
 public:
  struct Try {
    std::uint32_t number = 0;  // of its exchange, from 1
    std::string target{};      // "openai/gpt-4o-2024-11-20"
    std::string tags{};        // where it is
    std::string address{};     // of the connection; empty: there was none
    int status = 0;            // 0: no answer began
    std::optional<Code> error{};
  };
  struct Finding {
    std::string rule{};
    bool answer = false;  // else the prompt
    std::uint32_t count = 0;
  };

  virtual ~Notes() = default;

  /// A data filter found something.
  void found(std::string_view rule, bool answer) {
    for (Finding& finding : findings) {
      if (finding.answer != answer || finding.rule != rule) continue;
      ++finding.count;
      return;
    }
    findings.push_back({std::string(rule), answer, 1});
  }
  /// The last try at that target has its connection; others may be under way beside it.
  void connected(std::string_view target, std::string address) {
    for (auto one = tries.rbegin(); one != tries.rend(); ++one) {
      if (one->target != target) continue;
      one->address = std::move(address);
      return;
    }
  }
  /// What a step refused by, such as ("limit", "per-key").
  void refused(std::string_view what, std::string_view name) {
    refused_by = what;
    refused_name = name;
  }

  std::string refused_by{};         // limit, budget, filter, guard; by the step that refuses
  std::string refused_name{};       // of the limit, ...
  std::vector<Try> tries{};         // attempt
  std::vector<Finding> findings{};  // filter
  std::string cache{};              // cache: hit, stale, miss, bypass
  std::string cache_tier{};         // cache: memory, disk, semantic
  std::string generation{};         // record: its id
  std::string action{};             // record: resumed, reattached, cancelled, looked
  dialect::Usage usage{};           // of the answer, once it is settled
  std::uint64_t answer_bytes = 0;   // from the provider
  std::int64_t cost = 0;            // billionths of a US dollar
  bool priced = false;
  bool settled = false;
  bool whole = false;  // the answer came to its end
};
using NotesPtr = boost::intrusive_ptr<Notes>;

class Reservation;

/// One that notes what the answer used beside what `inner` does; `inner` may be null.
std::unique_ptr<Reservation> note_usage(NotesPtr notes, std::unique_ptr<Reservation> inner);

}  // namespace hawser::exchange
