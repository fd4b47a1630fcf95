#include "exchange/identify.hpp"

#include "dialect/client_dialect.hpp"

namespace hawser::exchange {
namespace {

Media media_of(const wire::RequestHead& head) {
  const wire::Field* type = nullptr;
  for (const wire::Field& field : head.fields) {
    if (field.name.size() != 12 || !wire::same_token(field.name, "content-type")) continue;
    if (type != nullptr) return Media::malformed;  // one program takes the first, one the last
    type = &field;
  }
  if (type == nullptr) return Media::none;
  if (type->value == "application/json") return Media::json;
  wire::MediaType media;
  if (!wire::parse_media_type(type->value, media)) return Media::malformed;
  if (media.json()) return media.utf8() ? Media::json : Media::other_charset;
  if (media.form()) return media.boundary.empty() ? Media::malformed : Media::form;
  return Media::other;
}

}  // namespace

void identify(Request& request, std::string_view method, std::string_view path) {
  request.endpoint = dialect::endpoint_of(method, path);
  request.endpoint.dialect = dialect::client_dialect(request.endpoint, *request.head);
  request.media = media_of(*request.head);
  const auto form = request.endpoint.traits().body;
  const bool takes_json =
      form == dialect::BodyForm::json || form == dialect::BodyForm::json_or_form;
  request.json = request.media == Media::json || (request.media == Media::none && takes_json);
}

std::string boundary_of(const Request& request) {
  wire::MediaType media;
  const auto* type = request.head->find("content-type");
  if (type == nullptr || !wire::parse_media_type(type->value, media)) return {};
  return std::string(media.boundary);
}

}  // namespace hawser::exchange
