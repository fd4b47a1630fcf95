#include "generation/read_whole.hpp"

#include <algorithm>

#include "wire/http1.hpp"

namespace hawser::generation {

Task<Result<WholeText>> read_whole(Content& content, std::size_t size_max, net::ByteLease lease) {
  WholeText whole{.lease = std::move(lease)};
  std::string& body = whole.text;
  for (bool last = false; !last;) {
    auto piece = co_await content.next();
    if (!piece) co_return piece.error();
    if (auto room = whole.lease.grow(piece->bytes.size()); !room) co_return room.error();
    body.append(piece->bytes);
    last = piece->last;
    if (body.size() > size_max) {
      co_return Error{.code = Code::upstream,
                      .message = "The provider's answer is longer than what a policy can read."};
    }
  }
  co_return std::move(whole);
}

std::string_view field_value(std::string_view fields, std::string_view name) {
  while (!fields.empty()) {
    const auto end = std::min(fields.find("\r\n"), fields.size());
    std::string_view line = fields.substr(0, end);
    fields.remove_prefix(std::min(end + 2, fields.size()));
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (!wire::same_token(line.substr(0, name.size()), name)) continue;
    line.remove_prefix(name.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line;
  }
  return {};
}

}  // namespace hawser::generation
