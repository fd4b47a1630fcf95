#pragma once

#include <string>

#include "telemetry/metrics.hpp"

namespace hawser::exporting {

/// All series in Prometheus' text format 0.0.4. Series that never counted anything are left out,
/// except that each family shows at least its HELP and TYPE.
std::string render(const telemetry::Registry& registry);

/// The process itself: memory, descriptors, CPU time, start. Read from /proc at each scrape.
std::string render_process();

}  // namespace hawser::exporting
