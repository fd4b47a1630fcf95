#include "gateway/audit_views.hpp"

#include <stdexcept>

#include "export/page.hpp"
#include "stage/audit/record_text.hpp"
#include "telemetry/log.hpp"

namespace hawser::gateway {

void AuditView::open(const audit::AuditConfig& config) {
  const auto key = MasterKey::parse(config.key);
  if (!key) throw std::runtime_error("audit.key " + key.error().message);
  audit::Log::Options options;
  options.folder = config.folder;
  options.node = config.node;
  options.witness = config.witness;
  options.sync = config.sync;
  options.refuse = config.on_failure == audit::OnFailure::refuse;
  options.commit_every = config.commit_every;
  options.sign_every = config.sign_every;
  options.sign_lines = config.sign_lines;
  options.segment_max = config.segment_max.count();
  options.segment_time = config.segment_time;
  options.queue_max = config.queue_max.count();
  options.strangers_a_second = config.strangers_a_second;
  log_ = std::make_unique<audit::Log>(std::move(options), *key, [](const std::string& what) {
    log::warn("audit", {{"what", log::redacted(what)}});
  });
  inlet_ = &log_->make_inlet();
  admin("start", 1);
}

void AuditView::admin(std::string_view action, std::uint64_t configuration) {
  if (inlet_ == nullptr) return;
  std::string record;
  stage::audit::begin_record("admin", record);
  record.append(",\"action\":\"").append(action).append("\"");
  if (configuration > 0) {
    record.append(",\"configuration\":").append(std::to_string(configuration));
  }
  record.push_back('}');
  inlet_->put(record);
}

std::string AuditView::render() const {
  if (!log_) return {};
  const auto figures = log_->figures();
  exporting::Page page;
  page.add("hawser_audit_records_total", "counter", "Records of the audit that are on the disk.",
           figures.records);
  page.add("hawser_audit_waiting_bytes", "gauge", "Records of the audit that wait for the disk.",
           figures.waiting);
  page.add("hawser_audit_lag_seconds", "gauge", "How long the oldest of them waits.", figures.lag);
  page.add("hawser_audit_dropped_total", "counter", "Records that were lost: too many waited.",
           figures.dropped);
  page.add("hawser_audit_refused_total", "counter",
           "Exchanges that were refused because the audit could not be written.", figures.refused);
  page.add("hawser_audit_errors_total", "counter", "Tries to write the audit that failed.",
           figures.errors);
  page.add("hawser_audit_witness_errors_total", "counter",
           "Tries to write its witness that failed.", figures.witness_errors);
  page.add("hawser_audit_signed_seq", "gauge", "The last line of the audit that is signed.",
           figures.signed_through);
  return page.take();
}

std::string refused_connection(std::string_view what) {
  std::string record;
  stage::audit::begin_record("refused_connection", record);
  record.append(",\"what\":\"").append(what).append("\"");
  return record + ",\"decision\":\"refused\",\"reason\":\"authentication\"}";
}

}  // namespace hawser::gateway
