#include "gateway/gateway.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>
#include <thread>

#include "admin/admin.hpp"
#include "base/random_bytes.hpp"
#include "export/prometheus.hpp"
#include "gateway/accounts.hpp"
#include "gateway/audit_views.hpp"
#include "gateway/cache_views.hpp"
#include "gateway/listening.hpp"
#include "gateway/own_provider.hpp"
#include "gateway/peers.hpp"
#include "gateway/residency_views.hpp"
#include "gateway/secret_views.hpp"
#include "gateway/target_views.hpp"
#include "gateway/worker.hpp"
#include "settings/config_file.hpp"
#include "settings/remote.hpp"
#include "telemetry/log.hpp"

namespace hawser::gateway {

namespace asio = net::asio;

namespace {

void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

/// What tells that a file was written anew.
struct FileStamp {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const std::string& path) {
  struct stat status {};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ino, status.st_size};
}

/// Of the configuration and of every file that it names: certificates are renewed in place.
std::vector<FileStamp> stamps_of(const std::string& file, const settings::Config& config) {
  std::vector<FileStamp> stamps{stamp_of(file)};
  for (const auto& path : settings::files_of(config)) stamps.push_back(stamp_of(path));
  return stamps;
}

ListenTickets tickets_of(const settings::Config& config) {
  ListenTickets tickets;
  for (std::size_t i = 0; i < config.listen.size() + 1; ++i) {  // the last one is admin's
    tickets.push_back(std::make_shared<net::TicketKeys>());
  }
  return tickets;
}

/// Sockets stay what they were: a listener must not lose its TLS, nor take another one's.
bool same_listeners(const settings::Config& a, const settings::Config& b) {
  return std::equal(a.listen.begin(), a.listen.end(), b.listen.begin(), b.listen.end(),
                    [](const front::http::ListenConfig& x, const front::http::ListenConfig& y) {
                      return x.address == y.address && x.tls.has_value() == y.tls.has_value() &&
                             x.grpc == y.grpc && x.share_port == y.share_port;
                    }) &&
         a.admin.address == b.admin.address && a.admin.tls.has_value() == b.admin.tls.has_value();
}

std::size_t workers_of(const settings::Config& config) {
  return config.workers != 0 ? config.workers : std::max(1u, std::thread::hardware_concurrency());
}

/// The process: its workers, the operators' listener, signals and reload.
class Gateway {
 public:
  explicit Gateway(const ServeOptions& options)
      : options_(options),
        keeper_(options.keeper ? options.keeper : std::make_shared<secret::Keeper>()),
        config_(options.config),
        access_log_({.where = config_->log.access_log,
                     .queue_max = config_->log.access_log_queue_max.count(),
                     .refusals = {config_->log.refusals_burst, config_->log.refusals_per_second}}),
        listening_(listen_all(*config_, workers_of(*config_))) {
    log::set_level(config_->log.level);
    if (const auto problem = own_provider(*config_, listening_.urls); !problem.empty()) {
      throw std::runtime_error(problem);
    }
    make_workers();
    make_admin();
    for (auto& worker : workers_) worker->start();
    for (const auto& url : listening_.urls) std::cout << "listening on " << url << std::endl;
    if (admin_) std::cout << "admin on " << listening_.admin_url << std::endl;
    keeper_->retain(settings::wanted(config_));
    keeper_->on_change([this] { reactor_.post([this] { reload(secret::How::kept); }); });
  }

  ~Gateway() { reactor_.cancel_all(); }  // ends the operators' connections

  int run() {
    watch_signals();
    watch_file();
    loop_.run();
    if (waiter_.joinable()) waiter_.join();
    offload_.stop();
    keeper_->stop();  // before the workers: it posts to them
    if (loading_.joinable()) loading_.join();
    if (disk_) disk_->stop();
    return 0;
  }

 private:
  void make_workers() {
    const std::size_t count = listening_.by_worker.size();
    const SnapshotPtr snapshot = snapshot_ =
        compile(config_, tickets_, registry_, health_, ++configurations_, *keeper_);
    limits_ =
        std::make_unique<stage::admit::SharedLimits>(snapshot->config->admission.counters_max);
    open_ledger(*snapshot->limits);
    open_cache();
    open_objects();
    if (config_->audit) audit_.open(*config_->audit);
    directory_ = std::make_unique<generation::Directory>(static_cast<std::uint32_t>(count));
    const Shared shared{registry_,
                        metrics_,
                        access_log_,
                        *directory_,
                        *limits_,
                        filter_secret_,
                        {*cache_, disk_.get(), neighbours_.get()},
                        bytes_,
                        offload_,
                        audit_.log(),
                        objects_};
    for (std::size_t i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<Worker>(shared, static_cast<std::uint32_t>(i), snapshot,
                                                  listening_.by_worker[i]));
    }
  }

  /// Owners of objects are known from the start of the process on, whatever is reloaded.
  void open_objects() {
    const auto& config = config_->ownership;
    objects_ = std::make_shared<store::ObjectOwners>(
        store::ObjectOwners::Options{config.path, config.entries_max}, [](const std::string& what) {
          log::warn("ownership", {{"what", log::redacted(what)}});
        });
  }

  void open_cache() {
    if (config_->cache.disk) {
      disk_ = std::make_unique<stage::cache::DiskShelf>(*config_->cache.disk);
    }
    const stage::cache::SemanticConfig none;
    const auto& semantic = config_->cache.semantic ? *config_->cache.semantic : none;
    neighbours_ = std::make_unique<stage::cache::Neighbours>(semantic.entries_max,
                                                             semantic.memory_max.count());
    // With a disk the keys must be the same after a restart.
    cache_ = std::make_unique<stage::cache::Shelf>(config_->cache.memory_max.count(),
                                                   disk_ ? disk_->key_secret() : std::string());
  }

  /// What was spent before this start still counts.
  void open_ledger(const stage::admit::LimitTable& table) {
    const auto& config = config_->ledger;
    if (config.path.empty()) return;
    limits_->ledger = std::make_unique<store::Ledger>(
        store::Ledger::Options{config.path, config.sync, config.waiting_max},
        [](const std::string& what) {
          log::warn("ledger", {{"what", log::redacted(what)}});
        });
    restore_budgets(*limits_->ledger, table, limits_->counters);
  }

  void make_admin() {
    reactor_.start();
    if (listening_.admin < 0) return;
    admin_ = std::make_unique<admin::Admin>(
        reactor_, blocks_, listening_.admin,
        admin::Views{
            [this] { return std::shared_ptr<const admin::AdminConfig>(config_, &config_->admin); },
            [this] { return snapshot_->admin_tls; }, [this] { return !draining_; },
            [this] {
              return exporting::render(registry_) + exporting::render_process() +
                     render_cache({*cache_, disk_.get(), neighbours_.get()}) + render_peers() +
                     render_targets(health_) + render_secrets(*keeper_) +
                     (limits_->ledger ? render_ledger(*limits_->ledger) : std::string()) +
                     audit_.render();
            },
            [this](std::string_view query) {
              audit_.admin("cache_purge");
              return purge_cache({*cache_, disk_.get(), neighbours_.get()}, reactor_, query);
            },
            [this](std::string_view body) {
              audit_.admin("policy_explain");
              return explain_policy(*snapshot_, body);
            },
            [this] { return list_targets(health_); },
            [this] { shard_.add(metrics_.admin_refusals); }});
    admin_->start();
  }

  void watch_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        access_log_.reopen();
        reload(secret::How::anew);
      } else {
        drain();
        if (std::exchange(asked_to_stop_, true)) ::_exit(1);  // asked twice: now
      }
      watch_signals();
    });
  }

  void watch_file() {
    if (options_.config_file.empty()) return;
    file_timer_.expires_after(std::chrono::milliseconds(500));
    file_timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      if (stamps_of(options_.config_file, *config_) != stamps_) {
        reload(secret::How::anew);
      }
      watch_peers_.look();
      for (const auto& keys : tickets_) keys->tend(Clock::now());
      watch_file();
    });
  }

  /// Reads the configuration on a thread of its own: what it wants may have to be fetched.
  void reload(secret::How how) {
    if (options_.config_file.empty() || draining_) return;
    if (std::exchange(is_loading_, true)) {
      again_ = how == secret::How::anew || !again_ ? how : *again_;
      return;
    }
    stamps_ = stamps_of(options_.config_file, *config_);
    if (loading_.joinable()) loading_.join();
    loading_ = std::thread([this, how] {
      auto loaded = settings::load_file(options_.config_file, keeper_.get(), how);
      const auto circle =
          loaded.config ? own_provider(*loaded.config, listening_.urls) : std::string();
      if (!circle.empty()) {
        loaded.problems.push_back(circle);
        loaded.config = nullptr;
      }
      reactor_.post([this, loaded = std::move(loaded)] { loaded_anew(loaded); });
    });
  }

  void loaded_anew(const settings::LoadOutcome& loaded) {
    is_loading_ = false;
    if (draining_) return;
    take_over(loaded);
    if (const auto how = std::exchange(again_, {})) reload(*how);
  }

  /// Builds all that the new configuration needs, and only then lets the workers use it.
  void take_over(const settings::LoadOutcome& loaded) {
    for (const auto& problem : loaded.problems) {
      log::error("configuration refused, the old one stays", {{"problem", log::redacted(problem)}});
    }
    for (const auto& warning : loaded.warnings) {
      log::warn("configuration", {{"warning", log::redacted(warning)}});
    }
    try {
      if (!loaded.config) throw std::runtime_error("the configuration has problems");
      if (!same_listeners(*loaded.config, *config_)) {
        throw std::runtime_error("listen and admin.address cannot change without a restart");
      }
      if (loaded.config->audit.has_value() != config_->audit.has_value()) {
        throw std::runtime_error("audit cannot begin or end without a restart");
      }
      auto stamps = stamps_of(options_.config_file, *loaded.config);
      stamps.front() = stamps_.front();  // as it was read
      const SnapshotPtr snapshot =
          compile(loaded.config, tickets_, registry_, health_, configurations_ + 1, *keeper_);
      for (auto& worker : workers_) worker->use(snapshot);
      ++configurations_;
      config_ = loaded.config;
      keeper_->retain(settings::wanted(config_));
      snapshot_ = snapshot;
      stamps_ = std::move(stamps);
      log::set_level(config_->log.level);
      shard_.add(metrics_.reloads_ok);
      audit_.admin("reload", configurations_);
      log::info("configuration reloaded", {});
    } catch (const std::exception& e) {
      shard_.add(metrics_.reloads_failed);
      audit_.admin("reload_refused", configurations_);
      log::error("reload failed, the old configuration stays", {{"why", log::redacted(e.what())}});
    }
  }

  void drain() {
    if (std::exchange(draining_, true)) return;
    log::info("draining", {{"timeout", config_->drain_timeout}});
    listening_.leases.clear();
    const auto deadline = Clock::now() + config_->drain_timeout;
    for (auto& worker : workers_) worker->drain(deadline);
    // The operators' listener shows the drain until the last worker is done.
    waiter_ = std::thread([this] {
      for (auto& worker : workers_) worker->join();
      loop_.stop();
    });
  }

  ServeOptions options_;
  std::shared_ptr<secret::Keeper> keeper_;
  std::shared_ptr<const settings::Config> config_;
  std::uint64_t configurations_ = 0;  // that were used since the start
  SnapshotPtr snapshot_;              // what the workers use, or will at once
  telemetry::Registry registry_;
  telemetry::StandardMetrics metrics_{registry_};
  health::Directory health_;  // outlives every snapshot
  telemetry::Shard& shard_ = registry_.make_shard();
  telemetry::AccessLog access_log_;
  Listening listening_;
  ListenTickets tickets_ = tickets_of(*config_);
  asio::io_context loop_{1};
  net::Reactor reactor_{loop_};
  net::BlockPool blocks_;
  asio::signal_set signals_{loop_, SIGTERM, SIGINT, SIGHUP};
  asio::steady_timer file_timer_{loop_};
  std::vector<FileStamp> stamps_ = stamps_of(options_.config_file, *config_);
  PeerWatch watch_peers_;
  std::unique_ptr<admin::Admin> admin_;
  std::unique_ptr<generation::Directory> directory_;
  std::shared_ptr<store::ObjectOwners> objects_;
  std::unique_ptr<stage::admit::SharedLimits> limits_;
  std::string filter_secret_ = random_bytes(32);  // pseudonyms follow from it until the end
  std::unique_ptr<stage::cache::Shelf> cache_;
  std::unique_ptr<stage::cache::Neighbours> neighbours_;
  net::ProcessBytes bytes_;
  net::Offload offload_{1};
  AuditView audit_;  // before the workers: their exchanges' ends go there
  std::vector<std::unique_ptr<Worker>> workers_;
  // Before the workers: it posts its answers to them.
  std::unique_ptr<stage::cache::DiskShelf> disk_;
  std::thread waiter_;
  std::thread loading_;
  bool is_loading_ = false;
  std::optional<secret::How> again_{};  // asked for meanwhile
  bool draining_ = false;
  bool asked_to_stop_ = false;
};

}  // namespace

int serve(const ServeOptions& options) {
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error of a write
  try {
    Gateway gateway(options);
    return gateway.run();
  } catch (const std::exception& e) {
    std::cerr << "hawser: " << e.what() << std::endl;
    return 1;
  }
}

}  // namespace hawser::gateway
