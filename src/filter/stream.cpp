#include "filter/stream.hpp"

#include <algorithm>
#include <array>

namespace hawser::filter {
namespace {

constexpr std::size_t step_max = 1024;   // of a piece looked at in one go
constexpr std::size_t context_max = 64;  // before what is decided, for what looks back
constexpr std::size_t trim_at = 256;     // erasing from the front costs: not every time
constexpr std::size_t undecided_max = expression_size_max + 64;
static_assert(trim_at + context_max + undecided_max + step_max <= window_max);

/// Candidates of the marks and of the expressions together, from left to right.
class Candidates {
 public:
  Candidates(const Scanner& scanner, std::string_view text, std::size_t from, bool ended)
      : scanner_(scanner), text_(text), ended_(ended), marks_(text.size()) {
    scanner.mark(text, from, marks_);
  }

  /// The first at `at` or behind; past the text if there is none.
  std::size_t next(std::size_t at) {
    std::size_t first = std::min(marks_.next(at), text_.size());
    for (std::size_t i = 0; i < scanner_.expressions_count(); ++i) {
      if (!known_ || expressions_.at(i) < at) {
        expressions_.at(i) = scanner_.next_expression(i, {text_, at, ended_});
      }
      first = std::min(first, expressions_.at(i));
    }
    known_ = true;
    return first;
  }

 private:
  const Scanner& scanner_;
  std::string_view text_;
  bool ended_, known_ = false;
  Marks marks_;
  std::array<std::size_t, 32> expressions_;  // set by the first next()
};

}  // namespace

Stream::Stream(std::shared_ptr<const Scanner> scanner, Vault& vault)
    : scanner_(std::move(scanner)), vault_(&vault), flagged_until_(scanner_->flags_count()) {}

void Stream::feed(std::string_view piece, Clock::time_point now, Output& out) {
  while (!piece.empty() && !blocked_) {
    const std::size_t size = std::min(piece.size(), step_max);
    window_.append(piece.substr(0, size));
    piece.remove_prefix(size);
    scan(false, out);
    trim();
  }
  note_hold(now);
}

void Stream::flush(Output& out) {
  if (blocked_) return;
  scan(true, out);
  trim();
  held_since_.reset();
}

void Stream::release(Clock::time_point now, Output& out) {
  const auto when = due();
  if (!when || now < *when) return;
  emit(window_.size() - cut_character(window_), out);
  held_since_.reset();
}

std::optional<Clock::time_point> Stream::due() const {
  if (!held_since_ || secret_) return std::nullopt;
  return *held_since_ + held_max;
}

void Stream::scan(bool ended, Output& out) {
  do {
    if (tail_ != Tail::none && !drop_tail(ended, out)) return;
  } while (scan_text(ended, out));
}

/// False: all that is known is decided or held; true: a tail is to be dropped.
bool Stream::scan_text(bool ended, Output& out) {
  secret_ = false;
  std::size_t at = scanned_;
  if (at < window_.size()) {
    Candidates candidates(*scanner_, window_, at, ended);
    while ((at = candidates.next(at)) < window_.size()) {
      std::size_t rule = 0;
      const Verdict verdict = match_at(at, ended, out, rule);
      if (verdict.state == Verdict::State::no) {
        ++at;
        continue;
      }
      scanned_ = at;
      if (verdict.state == Verdict::State::more) {
        secret_ = verdict.secret;
        emit(at, out);
        return false;
      }
      apply(verdict, rule, out);
      if (blocked_) return false;
      if (tail_ != Tail::none) return true;
      at = scanned_;
    }
  }
  scanned_ = window_.size();
  emit(scanned_ - (ended ? 0 : cut_character(window_)), out);
  return false;
}

/// What the first rule says that does not say no. Rules that flag are done with here.
Verdict Stream::match_at(std::size_t at, bool ended, Output& out, std::size_t& rule) {
  const Place place{window_, at, ended};
  for (const std::uint8_t number : scanner_->rules_for(static_cast<unsigned char>(window_[at]))) {
    const bool flags = scanner_->rules()[number].action == Action::flag;
    if (flags && flagged_until_[scanner_->flag_index(number)] > start_ + at) continue;
    const Verdict verdict = scanner_->match(number, place);
    if (verdict.state == Verdict::State::no) continue;
    if (verdict.state == Verdict::State::more) {
      if (window_.size() - at > undecided_max) continue;  // no detector may ask for so much
      return verdict;
    }
    if (!flags) {
      rule = number;
      return verdict;
    }
    const std::uint64_t begin = start_ + at + verdict.keep;
    out.findings.push_back(
        {.rule = number, .what = verdict.what, .begin = begin, .size = verdict.size});
    flagged_until_[scanner_->flag_index(number)] = begin + verdict.size;
  }
  return no_match();
}

void Stream::apply(const Verdict& verdict, std::size_t rule, Output& out) {
  const std::size_t begin = scanned_ + verdict.keep, end = begin + verdict.size;
  emit(begin, out);
  const Finding finding{.rule = rule,
                        .what = verdict.what,
                        .begin = start_ + begin,
                        .size = verdict.size,
                        .block = scanner_->rules()[rule].action == Action::block};
  scanned_ = end;
  if (finding.block) {
    out.findings.push_back(finding);
    blocked_ = true;
    window_.clear();
    sent_ = scanned_ = 0;
    return;
  }
  if (sent_ < end) {  // else it has left while it waited
    replace(rule, std::string_view(window_).substr(begin, verdict.size), out);
    sent_ = end;
  }
  if (verdict.tail == Tail::none) {
    out.findings.push_back(finding);
    return;
  }
  tail_ = verdict.tail;
  tail_bytes_ = verdict.tail_bytes;
  pem_ = {};
  open_ = finding;
}

void Stream::replace(std::size_t rule, std::string_view found, Output& out) {
  const Rule& source = scanner_->rules()[rule];
  const std::string& label = scanner_->label(rule);
  switch (source.action) {
    case Action::mask:
      if (source.replacement.empty()) {
        out.text.append("[").append(label).append("]");
      } else {
        out.text.append(source.replacement);
      }
      return;
    case Action::hash:
      out.text.append(vault_->hash(label, found));
      return;
    case Action::pseudonymise:
      out.text.append(vault_->pseudonym(label, found));
      return;
    case Action::drop:
    case Action::block:
    case Action::flag:
      return;
  }
}

/// False: it may go on in what comes.
bool Stream::drop_tail(bool ended, Output& out) {
  const std::size_t begin = scanned_;
  const bool done = tail_ == Tail::bytes ? drop_bytes(ended) : drop_pem(ended);
  open_.size += scanned_ - begin;
  sent_ = std::max(sent_, scanned_);
  secret_ = true;
  if (!done) return false;
  out.findings.push_back(open_);
  tail_ = Tail::none;
  return true;
}

bool Stream::drop_bytes(bool ended) {
  for (; scanned_ < window_.size(); ++scanned_) {
    const char c = window_[scanned_];
    if (!in(tail_bytes_, c)) return true;
    if (c != '.') continue;
    // The full stop of a sentence does not belong to it.
    if (scanned_ + 1 == window_.size()) return ended;
    const char next = window_[scanned_ + 1];
    if (next == '.' || !in(tail_bytes_, next)) return true;
  }
  return ended;
}

bool Stream::drop_pem(bool ended) {
  while (scanned_ < window_.size()) {
    const PemTail::Step step = pem_.take(window_[scanned_]);
    if (step == PemTail::Step::outside) return true;
    ++scanned_;
    if (step == PemTail::Step::last) return true;
  }
  return ended;
}

void Stream::emit(std::size_t end, Output& out) {
  if (end <= sent_) return;
  out.text.append(window_, sent_, end - sent_);
  sent_ = end;
}

void Stream::trim() {
  const std::size_t needed = std::min(scanned_, sent_);
  if (needed < trim_at + context_max) return;
  const std::size_t size = needed - context_max;
  window_.erase(0, size);
  start_ += size;
  scanned_ -= size;
  sent_ -= size;
}

void Stream::note_hold(Clock::time_point now) {
  if (held() == 0) {
    held_since_.reset();
  } else if (!held_since_ || hold_ != start_ + sent_) {
    held_since_ = now;
    hold_ = start_ + sent_;
  }
}

}  // namespace hawser::filter
