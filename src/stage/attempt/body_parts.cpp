#include "stage/attempt/body_parts.hpp"

#include <boost/assert.hpp>

namespace hawser::stage::attempt {

void BodyParts::replace(std::size_t at, std::size_t size, std::string_view text) {
  BOOST_ASSERT(edits_count_ < edits_max && at + size <= body_.size());
  std::size_t place = edits_count_++;
  for (; place > 0 && edits_[place - 1].at > at; --place) edits_[place] = edits_[place - 1];
  edits_[place] = {at, size, text};
}

std::uint64_t BodyParts::length() const {
  std::uint64_t length = body_.size();
  for (std::size_t i = 0; i < edits_count_; ++i) length += edits_[i].text.size() - edits_[i].size;
  return length;
}

std::span<const std::string_view> BodyParts::parts() {
  std::size_t count = 0, at = 0;
  parts_[count++] = head_;
  for (std::size_t i = 0; i < edits_count_; ++i) {
    const Edit& edit = edits_[i];
    parts_[count++] = body_.substr(at, edit.at - at);
    parts_[count++] = edit.text;
    at = edit.at + edit.size;
  }
  if (at < body_.size()) parts_[count++] = body_.substr(at);
  return {parts_.data(), count};
}

}  // namespace hawser::stage::attempt
