// Properties: whatever a gRPC client asks for becomes one JSON object, or is refused, and it says
// itself whether it streams; whatever a provider answers becomes a message that is taken apart
// again as it was put together.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "front/grpc/encode.hpp"

namespace {

using namespace hawser;
using dialect::Api;

void check_request(std::string_view bytes) {
  hawser::v1::GenerateRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  for (const bool stream : {true, false}) {
    const auto asked = front::grpc::encode(request, stream);
    if (!asked) continue;
    // What is raw is judged by the stages, as any client's body is; what is typed is JSON already.
    if (request.raw_json().empty() && !is_json(asked->body)) std::abort();
    if (!is_json(asked->body)) continue;
    // One that does not stream need not say so.
    const bool typed = request.raw_json().empty() && !request.extra().fields().contains("stream");
    if (typed && (json_member(asked->body, "stream") == "true") != stream) std::abort();
  }
}

void check_event(Api api, std::string_view data) {
  hawser::v1::Event event;
  front::grpc::decode_event(api, "", data, event);
  hawser::v1::Event again;
  if (event.raw() != data) std::abort();
  std::string wire;
  if (!event.SerializeToString(&wire) || !again.ParseFromString(wire)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr Api apis[] = {Api::chat, Api::completions, Api::responses, Api::messages};
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Api api = apis[data[0] % 4];
  switch (data[0] / 4 % 5) {
    case 0:
      check_request(bytes);
      break;
    case 1:
      check_event(api, bytes);
      break;
    case 2: {
      hawser::v1::GenerateResponse answer;
      front::grpc::decode_answer(api, bytes, answer);
      break;
    }
    case 3: {
      hawser::v1::EmbedResponse answer;
      front::grpc::decode_embeddings(bytes, answer);
      break;
    }
    default: {
      hawser::v1::ListModelsResponse answer;
      front::grpc::decode_models(bytes, answer);
      break;
    }
  }
  return 0;
}
