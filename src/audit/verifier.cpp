#include "audit/verifier.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace hawser::audit {
namespace {

constexpr std::size_t problems_max = 100;
constexpr std::string_view signature_member = ",\"signature\":\"";

/// What was signed and by what; nothing when the line is no such one.
struct SignedParts {
  std::string_view text{};
  std::string signature{};
};
std::optional<SignedParts> signed_parts(std::string_view json) {
  const std::size_t size = signature_member.size() + 2 * SigningKey::signature_size + 2;
  if (json.size() < size || !json.ends_with("\"}")) return std::nullopt;
  std::string_view end = json.substr(json.size() - size);
  if (!end.starts_with(signature_member)) return std::nullopt;
  const auto signature =
      from_hex(end.substr(signature_member.size(), 2 * SigningKey::signature_size));
  if (!signature) return std::nullopt;
  return SignedParts{json.substr(0, json.size() - size), *signature};
}

/// "[{...},{...}]" to its elements.
std::vector<std::string_view> elements(std::string_view array) {
  std::vector<std::string_view> out;
  JsonCursor cursor(array);
  if (!cursor.take('[')) return out;
  while (cursor.peek() == '{') {
    const std::size_t begin = cursor.at();
    if (!cursor.skip_value()) break;
    out.push_back(cursor.since(begin));
    if (!cursor.take(',')) break;
  }
  return out;
}

}  // namespace

bool signed_by(std::string_view json, const PublicKey& key) {
  const auto parts = signed_parts(json);
  return parts && key.verifies(signed_text(parts->text), parts->signature);
}

void Verifier::set_witness(Witness witness) {
  witness_ = std::move(witness);
  seen_ = witness_();
}

void Verifier::problem(std::string what) {
  if (report_.problems.size() < problems_max) {
    report_.problems.push_back(std::move(what));
  } else {
    ++report_.problems_more;
  }
}

std::string Verifier::place() const {
  return segment_name(segment_);
}

void Verifier::begin_segment(std::uint64_t number) {
  const std::uint64_t expected = segment_ + 1;
  if (segment_ == 0 && number != 1 && options_.pruned) {
    report_.remarks.push_back("the log begins with " + segment_name(number) +
                              ": what was before it is not looked at");
    known_ = false;
    tree_known_ = false;
  } else if (segment_ == 0 && number == 1) {
    known_ = true;
  } else if (number != expected) {
    for (std::uint64_t gone = expected; gone < number && gone < expected + problems_max; ++gone) {
      problem(segment_name(gone) + " is missing");
    }
    known_ = false;
    tree_known_ = false;
    torn_.clear();
  }
  segment_ = number;
  ++report_.segments;
  reader_ = std::make_unique<SegmentReader>();
}

void Verifier::feed(std::string_view bytes) {
  reader_->feed(bytes, [this](const Line& line) { take(line); });
}

void Verifier::end_segment() {
  reader_->end();
  if (reader_->tail_bytes() == 0 && reader_->lines() > 0) return;
  torn_.push_back({segment_, reader_->tail_bytes(), reader_->tail_digest()});
  torn_lines_ = reader_->tail_has_lines();
  if (!torn_lines_) return;
  problem(place() + ": the line at byte " + std::to_string(reader_->good_bytes()) +
          " does not follow from line " + std::to_string(next_seq_ - 1) +
          ": something was changed, put in or taken out there");
  known_ = false;
  tree_known_ = false;
}

void Verifier::take(const Line& line) {
  if (line.type == "segment") take_head(line);
  next_seq_ = line.seq + 1;
  hash_ = line.hash;
  ++report_.lines;
  if (report_.first_seq == 0) report_.first_seq = line.seq;
  report_.last_seq = line.seq;
  const auto found = report_.by_type.find(line.type);
  if (found == report_.by_type.end() && report_.by_type.size() < problems_max) {
    report_.by_type.emplace(std::string(line.type), 1);
  } else if (found != report_.by_type.end()) {
    ++found->second;
  }
  if (line.type == "root") {
    take_root(line);
    type_before_root_ = std::exchange(last_type_, "root");
  } else {
    tree_.add(line.hash, hasher_);
    last_type_ = line.type;
  }
  if (see_) see_(line);
}

void Verifier::take_head(const Line& line) {
  if (json_number(line.json, "format") != format_version) {
    problem(place() + " is of a form that this program does not know");
  }
  if (known_ && (line.before != hash_ || line.seq != next_seq_)) {
    problem(place() +
            " does not follow from the segment before it: lines were taken out or put in");
    tree_known_ = false;
  }
  if (segment_ == 1 && (line.seq != 1 || line.before != Digest{})) {
    problem(place() + " is not the beginning of a log");
  }
  if (json_number(line.json, "segment") != segment_) {
    problem(place() + " is another segment, under this name");
  }
  const std::string log = json_text(line.json, "log").value_or("");
  if (!log_.empty() && log != log_) problem(place() + " is of another log");
  log_ = log;
  const auto key = json_text(line.json, "public_key");
  const auto trusted = std::find_if(options_.trusted.begin(), options_.trusted.end(),
                                    [&](const PublicKey& one) { return one.hex() == key; });
  key_ = trusted == options_.trusted.end() ? nullptr : &*trusted;
  if (key_ == nullptr) {
    problem(place() + " is signed by a key that is not trusted: " + key.value_or("none"));
  }
  if (!known_) {  // goes on from here
    tree_.clear();
    tree_known_ = false;
    known_ = true;
  }
  check_torn(line);
  if (json_text(line.json, "after") == "crash") {
    report_.remarks.push_back(place() + ": what was before it did not end by a stop");
  }
  if (const auto adopted = json_number(line.json, "adopted"); adopted && *adopted > 0) {
    report_.remarks.push_back("lines " + std::to_string(line.seq - std::min(line.seq, *adopted)) +
                              " to " + std::to_string(line.seq - 1) +
                              " were signed only after a crash: who could write the "
                              "folder in between could have changed them");
  }
  if (const auto ahead = json_number(line.json, "witness_ahead")) {
    problem(place() + ": when it began, the witness had a root at " + std::to_string(*ahead) +
            " that the log had not: its end was taken away");
  }
}

/// The ends that do not read must be those that were found there when the log went on.
void Verifier::check_torn(const Line& line) {
  std::vector<TornEnd> told;
  for (const auto element : elements(json_member(line.json, "torn"))) {
    TornEnd one;
    one.segment = json_number(element, "segment").value_or(0);
    one.bytes = json_number(element, "bytes").value_or(0);
    one.digest = digest_member(element, "sha256").value_or(Digest{});
    told.push_back(one);
  }
  const auto same = [](const TornEnd& a, const TornEnd& b) {
    return a.segment == b.segment && a.bytes == b.bytes && a.digest == b.digest;
  };
  for (const TornEnd& torn : torn_) {
    const bool known =
        std::any_of(told.begin(), told.end(), [&](const TornEnd& one) { return same(one, torn); });
    const std::string what =
        segment_name(torn.segment) + " ends with " + std::to_string(torn.bytes) + " bytes";
    if (!known) {
      problem(what + " that were never written there");
    } else {
      report_.remarks.push_back(what + " of a write that was cut short");
    }
  }
  for (const TornEnd& one : told) {
    if (std::none_of(torn_.begin(), torn_.end(), [&](const auto& t) { return same(t, one); }) &&
        !options_.pruned) {
      problem(segment_name(one.segment) + " had an end of " + std::to_string(one.bytes) +
              " bytes that is not there any more");
    }
  }
  torn_.clear();
  torn_lines_ = false;
}

void Verifier::take_root(const Line& line) {
  ++report_.roots;
  const std::string where = place() + ": the root at " + std::to_string(line.seq);
  if (key_ != nullptr && !signed_by(line.json, *key_)) {
    problem(where + " has no good signature");
  }
  if (json_text(line.json, "log") != log_) problem(where + " is of another log");
  if (digest_member(line.json, "head") != line.before) {
    problem(where + " signs something else than what is before it");
  }
  if (tree_known_) {
    const bool fits = tree_.size() > 0 && json_number(line.json, "lines") == tree_.size() &&
                      digest_member(line.json, "tree") == tree_.root(hasher_);
    if (!fits) problem(where + " has another tree than the lines before it");
  }
  tree_.clear();
  tree_known_ = true;
  report_.signed_through = line.seq - 1;
  compare_with_witness(line);
}

void Verifier::compare_with_witness(const Line& line) {
  while (seen_ && seen_->seq < line.seq) {
    if (seen_->seq >= report_.first_seq) {
      problem("the witness has a root at " + std::to_string(seen_->seq) + ", this log has none");
    }
    seen_ = witness_();
  }
  if (!seen_ || seen_->seq != line.seq) return;
  if (seen_->hash != line.hash) {
    problem(place() + ": the witness has another root at " + std::to_string(line.seq));
  }
  seen_ = witness_();
}

Report Verifier::finish() {
  if (report_.segments == 0) problem("there is no segment");
  for (const TornEnd& torn : torn_) {
    const std::string what =
        segment_name(torn.segment) + " ends with " + std::to_string(torn.bytes) + " bytes";
    if (torn_lines_) continue;  // told already
    if (options_.live) {
      report_.remarks.push_back(what + " that are no whole line: it is being written");
    } else {
      problem(what + " that are no whole line: a write was cut short, or they were changed");
    }
  }
  std::uint64_t missing = 0, last = 0;
  for (; seen_; seen_ = witness_()) {
    ++missing;
    last = seen_->seq;
  }
  if (missing > 0) {
    problem("the witness has " + std::to_string(missing) + " more roots, up to " +
            std::to_string(last) + ": the end of this log was taken away");
  }
  const bool stopped = last_type_ == "root" && type_before_root_ == "stop";
  if (options_.stopped && !stopped) {
    problem("the log does not end with a stop: its end was taken away, or it was cut off");
  }
  if (report_.last_seq > report_.signed_through + (last_type_ == "root" ? 1 : 0)) {
    report_.remarks.push_back(
        "lines " + std::to_string(report_.signed_through + 1) + " to " +
        std::to_string(report_.last_seq) +
        " are not signed yet: who may write the folder could have changed or cut them");
  }
  if (!stopped && !options_.stopped && torn_.empty()) {
    report_.remarks.push_back(
        "the log does not end with a stop: it is open, crashed, or its end was taken away (a "
        "witness tells)");
  }
  report_.head = hash_;
  return std::move(report_);
}

}  // namespace hawser::audit
