#include "front/http/early_answer.hpp"

namespace hawser::front::http {

void note_early(Services& services, const EarlyAnswer& answer) {
  const auto took = Clock::now() - answer.arrived;
  services.shard.add(services.metrics.requests(answer.status));
  services.shard.observe(services.metrics.request_duration,
                         std::chrono::duration<double>(took).count());
  if (answer.error) {
    services.shard.add(services.metrics.errors[static_cast<std::size_t>(*answer.error)]);
  }
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  telemetry::AccessRecord record;
  record.time_us = std::chrono::duration_cast<std::chrono::microseconds>(wall).count();
  record.request_id = answer.id;
  record.client = answer.client;
  record.method = answer.method;
  record.path = answer.path;
  record.status = answer.status;
  if (answer.error) record.error = name_of(*answer.error);
  record.bytes_out = answer.bytes_out;
  record.duration_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  services.access_log.write(record);
}

}  // namespace hawser::front::http
