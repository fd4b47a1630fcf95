#pragma once

#include "front/grpc/service.hpp"

/// What every gRPC server has: health and, where it is wanted, reflection.
namespace hawser::front::grpc {

Task<> check_health(Services& services, RpcPtr rpc, std::string_view peer);
Task<> watch_health(Services& services, RpcPtr rpc, std::string_view peer);
Task<> reflect_v1(Services& services, RpcPtr rpc, std::string_view peer);
Task<> reflect_v1alpha(Services& services, RpcPtr rpc, std::string_view peer);

}  // namespace hawser::front::grpc
