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

Task<> check(Services& services, RpcPtr rpc) {
  health::HealthCheckRequest request;
  const auto bytes = co_await rpc->read();
  if (!bytes || !request.ParseFromString(*bytes)) {
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
  rpc->write(response.SerializeAsString());
  rpc->end({});
}

/// Tells the status whenever it changes.
Task<> watch(Services& services, RpcPtr rpc) {
  health::HealthCheckRequest request;
  const auto bytes = co_await rpc->read();
  if (!bytes || !request.ParseFromString(*bytes)) {
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
      rpc->write(response.SerializeAsString());
      told = status;
    }
    if (services.draining) break;
    co_await pause.wait(services.reactor.now() + 200ms);
  }
  rpc->end({Status::unavailable, "the server goes down"});
}

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
    const auto bytes = co_await rpc->read();
    if (!bytes) break;
    Request request;
    if (!request.ParseFromString(*bytes)) {
      rpc->end({Status::invalid_argument, "not a ServerReflectionRequest"});
      co_return;
    }
    Response response;
    answer_reflection(request, response);
    rpc->write(response.SerializeAsString());
  }
  rpc->end({});
}

}  // namespace

Task<bool> serve_infrastructure(Services& services, RpcPtr rpc) {
  const std::string& path = rpc->path;
  if (path == "/grpc.health.v1.Health/Check") {
    co_await check(services, rpc);
  } else if (path == "/grpc.health.v1.Health/Watch") {
    co_await watch(services, rpc);
  } else if (services.reflection &&
             path == "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo") {
    co_await reflect<::grpc::reflection::v1::ServerReflectionRequest,
                     ::grpc::reflection::v1::ServerReflectionResponse>(rpc);
  } else if (services.reflection &&
             path == "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo") {
    co_await reflect<::grpc::reflection::v1alpha::ServerReflectionRequest,
                     ::grpc::reflection::v1alpha::ServerReflectionResponse>(rpc);
  } else {
    co_return false;
  }
  co_return true;
}

}  // namespace hawser::front::grpc
