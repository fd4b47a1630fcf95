#pragma once

#include "front/grpc/service.hpp"

namespace hawser::front::grpc {

/// Health (Check, Watch) and reflection. False: it is neither.
Task<bool> serve_infrastructure(Services& services, RpcPtr rpc);

}  // namespace hawser::front::grpc
