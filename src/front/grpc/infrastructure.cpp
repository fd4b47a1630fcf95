#include "front/grpc/infrastructure.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "grpc/health.pb.h"
#include "grpc/reflection_v1.pb.h"
#include "grpc/reflection_v1alpha.pb.h"

namespace hawser::front::grpc {
namespace {

namespace health = ::grpc::health::v1;
namespace protobuf = google::protobuf;

constexpr std::string_view services_known[] = {"hawser.v1.Llm", "grpc.health.v1.Health",
                                               "grpc.reflection.v1.ServerReflection",
                                               "grpc.reflection.v1alpha.ServerReflection"};

std::optional<health::HealthCheckResponse::ServingStatus> health_of(const Services& services,
                                                                    const std::string& name) {
  if (!name.empty() && name != "hawser.v1.Llm") return std::nullopt;
  return services.draining ? health::HealthCheckResponse::NOT_SERVING
                           : health::HealthCheckResponse::SERVING;
}

}  // namespace

Task<> check_health(Services& services, RpcPtr rpc, std::string_view) {
  health::HealthCheckRequest request;
  const auto read = co_await rpc->read();
  if (!read || !request.ParseFromString(read->bytes)) {
    rpc->end({Status::invalid_argument, "not a HealthCheckRequest"});
    co_return;
  }
  const auto status = health_of(services, request.service());
  if (!status) {
    rpc->end({Status::not_found, "unknown service"});
    co_return;
  }
  health::HealthCheckResponse response;
  response.set_status(*status);
  const std::string bytes = response.SerializeAsString();
  const bool sent = co_await rpc->write(bytes);
  if (sent) rpc->end({});
}

/// Tells the status whenever it changes.
Task<> watch_health(Services& services, RpcPtr rpc, std::string_view) {
  health::HealthCheckRequest request;
  const auto read = co_await rpc->read();
  if (!read || !request.ParseFromString(read->bytes)) {
    rpc->end({Status::invalid_argument, "not a HealthCheckRequest"});
    co_return;
  }
  int told = -1;
  net::Waiter pause(services.reactor);
  while (rpc->over() == Rpc::Over::no) {
    const int status = health_of(services, request.service())
                           .value_or(health::HealthCheckResponse::SERVICE_UNKNOWN);
    if (status != told) {
      health::HealthCheckResponse response;
      response.set_status(static_cast<health::HealthCheckResponse::ServingStatus>(status));
      const std::string bytes = response.SerializeAsString();
      const bool sent = co_await rpc->write(bytes);
      if (!sent) co_return;
      told = status;
    }
    if (services.draining) break;
    co_await pause.wait(services.reactor.now() + 200ms);
  }
  rpc->end({Status::unavailable, "the server goes down"});
}

namespace {

/// A file and all that it imports, as descriptors.
template <class Response>
void add_file(const protobuf::FileDescriptor& file, Response& response) {
  protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), response);
}

template <class Request, class Response>
void answer_reflection(const Request& request, Response& response) {
  *response.mutable_original_request() = request;
  const auto* const pool = protobuf::DescriptorPool::generated_pool();
  const protobuf::FileDescriptor* file = nullptr;
  switch (request.message_request_case()) {
    case Request::kListServices:
      for (const auto name : services_known) {
        response.mutable_list_services_response()->add_service()->set_name(std::string(name));
      }
      return;
    case Request::kFileByFilename:
      file = pool->FindFileByName(request.file_by_filename());
      break;
    case Request::kFileContainingSymbol:
      file = pool->FindFileContainingSymbol(request.file_containing_symbol());
      break;
    default:
      response.mutable_error_response()->set_error_code(static_cast<int>(Status::unimplemented));
      response.mutable_error_response()->set_error_message("not offered here");
      return;
  }
  if (file != nullptr) {
    add_file(*file, *response.mutable_file_descriptor_response());
  } else {
    response.mutable_error_response()->set_error_code(static_cast<int>(Status::not_found));
    response.mutable_error_response()->set_error_message("not found");
  }
}

template <class Request, class Response>
Task<> reflect(RpcPtr rpc) {
  for (;;) {
    const auto read = co_await rpc->read();
    if (!read) break;
    Request request;
    if (!request.ParseFromString(read->bytes)) {
      rpc->end({Status::invalid_argument, "not a ServerReflectionRequest"});
      co_return;
    }
    Response response;
    answer_reflection(request, response);
    const std::string bytes = response.SerializeAsString();
    const bool sent = co_await rpc->write(bytes);
    if (!sent) co_return;
  }
  rpc->end({});
}

}  // namespace

Task<> reflect_v1(Services&, RpcPtr rpc, std::string_view) {
  return reflect<::grpc::reflection::v1::ServerReflectionRequest,
                 ::grpc::reflection::v1::ServerReflectionResponse>(std::move(rpc));
}

Task<> reflect_v1alpha(Services&, RpcPtr rpc, std::string_view) {
  return reflect<::grpc::reflection::v1alpha::ServerReflectionRequest,
                 ::grpc::reflection::v1alpha::ServerReflectionResponse>(std::move(rpc));
}

}  // namespace hawser::front::grpc
