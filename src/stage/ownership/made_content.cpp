#include "stage/ownership/made_content.hpp"

#include <cstring>

#include "dialect/event_data.hpp"
#include "dialect/object_references.hpp"
#include "wire/sse.hpp"

namespace hawser::stage::ownership {
namespace {

/// Events of text have no "id" member of an object that is new; an escaped one is read, too.
bool may_make(std::string_view frame) {
  if (frame.empty()) return false;
  for (const std::string_view mark : {std::string_view("\"id\""), std::string_view("\\u00")}) {
    if (::memmem(frame.data(), frame.size(), mark.data(), mark.size()) != nullptr) return true;
  }
  return false;
}

}  // namespace

void note_made(store::ObjectOwners& owners, std::string_view json, dialect::ObjectKind makes,
               const std::string& tenant) {
  const auto note = [&](dialect::ObjectKind kind, std::string_view id) {
    if (kind == dialect::ObjectKind::none) return;
    owners.add(static_cast<std::uint8_t>(kind), id, tenant);
  };
  dialect::for_each_made(json, makes, note);
  dialect::for_each_reference(json, note);
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
    note_made(*owners_, dialect::data_of(frame), makes_, tenant_);
  }
}

}  // namespace hawser::stage::ownership
