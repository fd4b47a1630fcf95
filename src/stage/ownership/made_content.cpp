#include "stage/ownership/made_content.hpp"

#include <cstring>

#include "dialect/event_data.hpp"
#include "dialect/made_objects.hpp"
#include "wire/sse.hpp"

namespace hawser::stage::ownership {
namespace {

/// Most events of text make nothing; an escaped name is read, too.
bool may_make(std::string_view frame) {
  if (frame.empty()) return false;
  for (const std::string_view mark :
       {std::string_view("\"id\""), std::string_view("\"file_id\""),
        std::string_view("\"container_id\""), std::string_view("\\u00")}) {
    if (::memmem(frame.data(), frame.size(), mark.data(), mark.size()) != nullptr) return true;
  }
  return false;
}

}  // namespace

void Maker::note(std::string_view json) const {
  const auto add = [&](dialect::ObjectKind kind, std::string_view id) {
    if (kind == dialect::ObjectKind::none) return;
    owners->add({provider, static_cast<std::uint8_t>(kind), id}, tenant);
    if (kind != dialect::ObjectKind::file || !batch_input) return;
    const auto input = static_cast<std::uint8_t>(dialect::ObjectKind::batch_input);
    owners->add({provider, input, id}, tenant);
  };
  dialect::for_each_made(json, makes, entries, add);
}

Task<Result<net::Piece>> MadeContent::next() {
  auto piece = co_await content_->next();
  if (piece) note(piece->bytes);
  co_return piece;
}

void MadeContent::note(std::string_view frames) {
  while (!frames.empty()) {
    const std::string_view frame = frames.substr(0, wire::first_frame(frames).size);
    frames.remove_prefix(frame.size());
    if (frame.empty()) return;
    if (!may_make(frame)) continue;
    maker_.note(dialect::data_of(frame));
  }
}

}  // namespace hawser::stage::ownership
