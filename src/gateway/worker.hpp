#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "front/grpc/service.hpp"
#include "front/grpc/session.hpp"
#include "front/http/session.hpp"
#include "front/websocket/handshake.hpp"
#include "gateway/assemble.hpp"
#include "net/listener.hpp"
#include "net/resolver.hpp"

namespace hawser::gateway {

/// What all workers share.
struct Shared {
  telemetry::Registry& registry;
  const telemetry::StandardMetrics& metrics;
  telemetry::AccessLog& access_log;
  generation::Directory& directory;
  stage::admit::SharedLimits& limits;
  std::string_view filter_secret;
  stage::cache::Cache::Shelves cache;
  net::ProcessBytes& bytes;
  net::Offload& offload;
  audit::Log* audit = nullptr;  // none is kept
  std::shared_ptr<store::ObjectOwners> objects{};
};

/// One thread and everything that it owns; nothing here is shared, so nothing is locked.
class Worker {
 public:
  /// @param listening  one socket for each listener of the configuration
  /// @param index      of the worker; ids of generations name it
  Worker(const Shared& shared, std::uint32_t index, SnapshotPtr snapshot,
         const std::vector<int>& listening);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  /// Thread-safe. Exchanges on their way keep what they began with.
  void use(SnapshotPtr snapshot);
  /// Thread-safe. No new connections; open exchanges may go on until `deadline`; then the thread
  /// ends.
  void drain(Clock::time_point deadline);
  void join() { thread_.join(); }

 private:
  void apply(SnapshotPtr snapshot);
  void begin_drain(Clock::time_point deadline);
  void end_if_empty();
  void run_aside(exchange::Call::Given given, std::function<void()> over);
  Task<> run_call(exchange::Call::Given given, std::function<void()> over);
  void tend_generations(Clock::time_point now);
  void show_connections();
  void show_memory();
  Task<> accept_all(std::size_t listener);
  h2::HandlerPtr open_call(front::http::Services::Call call);
  void admit(std::size_t listener, net::Listener::Accepted accepted);
  enum class Speaks : std::uint8_t { http, http2, grpc };
  struct CameBy {
    Speaks speaks;
    std::uint32_t listener;
  };
  Detached serve(std::unique_ptr<net::Stream> stream, front::http::Places::Place place, CameBy by);
  Task<> serve_grpc(std::unique_ptr<net::Stream> stream, const std::string& peer);
  Task<> tend();

  net::asio::io_context loop_{1};  // 1 tells Asio that one thread runs it
  net::Reactor reactor_{loop_};
  net::BlockPool blocks_;
  net::Resolver resolver_{reactor_};  // its own connections read into those blocks
  http::UpstreamPools pools_{{reactor_, resolver_, blocks_}};
  generation::Directory& directory_;
  net::ProcessBytes& process_bytes_;
  net::WorkerBytes bytes_{process_bytes_};
  generation::Shelf shelf_;
  stage::admit::WorkerLimits limits_;
  IdSource ids_;
  SnapshotPtr snapshot_;
  WorkerParts parts_;
  front::http::Services services_;
  front::websocket::Services websocket_;
  front::grpc::Services grpc_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<front::http::Session*> sessions_;  // each knows its place
  std::set<front::grpc::Session*> grpc_sessions_;
  net::Waiter tending_{reactor_};
  Clock::time_point next_pools_{};
  http::Http2Figures shown_http2_{};
  std::size_t shown_running_ = 0;
  std::size_t shown_detached_ = 0;
  std::uint64_t shown_log_bytes_ = 0;
  std::array<std::uint64_t, net::memory_kinds> shown_bytes_{};
  std::array<std::uint64_t, net::memory_bounds> shown_refused_{};
  bool ended_ = false;
  Clock::time_point drain_deadline_ = Clock::time_point::max();
  std::thread thread_;
};

}  // namespace hawser::gateway
