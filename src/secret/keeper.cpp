#include "secret/keeper.hpp"

#include <pthread.h>

#include <exception>

#include "secret/aws.hpp"
#include "secret/fingerprint.hpp"
#include "secret/oauth.hpp"
#include "secret/sources.hpp"
#include "secret/vault.hpp"
#include "telemetry/log.hpp"

namespace hawser::secret {

namespace {

constexpr auto tick = 100ms;
constexpr auto backoff_max = milliseconds(30s);
constexpr auto renew_pause = 5s;  // a provider that refuses every token must not become a storm

void log_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    log::error("the thread of secrets met a bug", {{"what", log::redacted(e.what())}});
  }
}

/// Another try a moment later may well succeed.
bool passes(const Error& error) {
  return error.code == Code::connection || error.code == Code::rate_limit || error.status >= 500;
}

std::string group_of(const std::string& scheme) {
  if (scheme == "vault" || scheme == "transit") return "vault";
  return scheme == "oauth" ? "" : "aws";
}

Error away(const std::string& source, const Error& why) {
  Error error = why;
  error.message = source + ": " + why.message;
  return error;
}

}  // namespace

/// One thing that is fetched at once. What others than the thread of secrets look at is atomic.
struct Keeper::Item {
  explicit Item(std::string source) : live(std::make_shared<Live>(std::move(source))) {}

  Reference reference{};
  std::shared_ptr<const OAuthConfig> oauth{};
  std::shared_ptr<Source> tokens{};
  std::string group{};
  milliseconds refresh{1min};
  milliseconds ttl{1h};
  milliseconds timeout{10s};

  Secret text{};
  bool held = false;
  Error error{};
  std::uint32_t failures = 0;  // in a row
  Clock::time_point due{};
  Clock::time_point renewed_at{};

  LivePtr live;
  std::atomic<Clock::rep> fetched_at{0};
  std::atomic<std::uint64_t> fetched{0};
  std::atomic<std::uint64_t> failed{0};
};

struct Keeper::Job {
  Wanted wanted{};
  How how = How::kept;
  std::vector<std::pair<std::string, ItemPtr>> documents{};
  std::vector<std::pair<std::string, ItemPtr>> tokens{};
  Given given{};
  std::size_t left = 0;
  std::promise<void> done{};
};

struct Keeper::Sources {
  std::shared_ptr<const SecretsConfig> config{};
  std::string print{};
  std::map<std::string, std::shared_ptr<Source>> by_scheme{};
  std::shared_ptr<Vault> vault{};
  std::shared_ptr<Aws> aws{};
};

Keeper::Keeper() : loop_(std::make_unique<Loop>()), sources_(std::make_unique<Sources>()) {}

Keeper::~Keeper() {
  stop();
}

void Keeper::stop() {
  std::thread thread;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    thread.swap(thread_);
  }
  if (!thread.joinable()) return;
  loop_->reactor.post([this] { loop_->end(); });
  thread.join();
}

/// Begins the thread where there is none yet.
void Keeper::run_on_thread(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "hawser-secrets");
      spawn(tend(), log_bug);
      loop_->reactor.run();
    });
  }
  loop_->reactor.post(std::move(job));
}

void Keeper::on_change(std::function<void()> changed) {
  const std::lock_guard lock(mutex_);
  changed_ = std::move(changed);
}

Keeper::Given Keeper::get(Wanted wanted, How how) {
  auto job = std::make_shared<Job>();
  job->wanted = std::move(wanted);
  job->how = how;
  auto done = job->done.get_future();
  run_on_thread([this, job] { begin(job); });
  while (done.wait_for(50ms) != std::future_status::ready) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return {};
  }
  return std::move(job->given);
}

void Keeper::use(std::shared_ptr<const SecretsConfig> config) {
  std::string print = Fingerprint::of(*config);
  if (sources_->config && print == sources_->print) return;
  *sources_ = Sources{};
  sources_->config = std::move(config);
  sources_->print = std::move(print);
}

/// Sources are made when they are first needed: what they need may fail.
Result<std::shared_ptr<Source>> Keeper::source_of(const Item& item) {
  if (item.oauth) return item.tokens;
  const std::string& scheme = item.reference.scheme;
  if (auto& known = sources_->by_scheme[scheme]) return known;
  const auto& config = *sources_->config;
  try {
    if (scheme == "vault" || scheme == "transit") {
      if (!config.vault) {
        return Error{.code = Code::invalid_request, .message = "secrets.vault is not configured"};
      }
      if (!sources_->vault) {
        std::shared_ptr<const VaultConfig> vault(sources_->config, &*config.vault);
        sources_->vault = std::make_shared<Vault>(*loop_, std::move(vault));
      }
      sources_->by_scheme["vault"] = std::make_shared<VaultValues>(sources_->vault);
      sources_->by_scheme["transit"] = std::make_shared<VaultTransit>(sources_->vault);
    } else {
      if (!sources_->aws) {
        std::shared_ptr<const AwsConfig> aws = std::make_shared<AwsConfig>();
        if (config.aws) aws = std::shared_ptr<const AwsConfig>(sources_->config, &*config.aws);
        sources_->aws = std::make_shared<Aws>(*loop_, std::move(aws), all_lookups());
      }
      sources_->by_scheme["kms"] = std::make_shared<KmsValues>(sources_->aws);
      sources_->by_scheme["aws"] = std::make_shared<SecretsManagerValues>(sources_->aws);
    }
  } catch (const std::exception& e) {
    return Error{.code = Code::invalid_request, .message = e.what()};
  }
  return sources_->by_scheme[scheme];
}

Keeper::ItemPtr Keeper::item_of(const std::string& key, std::string source) {
  ItemPtr& item = items_[key];
  if (!item) {
    item = std::make_shared<Item>(std::move(source));
    const std::lock_guard lock(mutex_);
    seen_[key] = item;
  }
  return item;
}

void Keeper::begin(const std::shared_ptr<Job>& job) {
  use(job->wanted.config);
  const auto& config = *job->wanted.config;
  std::map<std::string, std::vector<ItemPtr>> groups;
  const auto take = [&](const ItemPtr& item, const std::string& group) {
    item->group = group;
    item->refresh = config.refresh;
    item->ttl = config.ttl;
    item->timeout = config.timeout;
    groups[group].push_back(item);
  };
  for (const auto& reference : job->wanted.references) {
    Reference whole = reference;
    whole.field.clear();
    const auto item = item_of(reference.document(), whole.shown());
    item->reference = whole;
    take(item, group_of(reference.scheme));
    job->documents.emplace_back(reference.document(), item);
  }
  for (const auto& [provider, oauth] : job->wanted.tokens) {
    const std::string key = "oauth:" + Fingerprint::of(*oauth);
    const auto item = item_of(key, "oauth " + oauth->token_url);
    item->oauth = oauth;
    if (!item->tokens) {
      try {
        item->tokens = std::make_shared<OAuthTokens>(*loop_, oauth);
      } catch (const std::exception& e) {
        job->given.tokens[provider] = Error{.code = Code::invalid_request, .message = e.what()};
        continue;
      }
      item->live->renew = [this, weak = std::weak_ptr<Item>(item)](std::uint64_t seen,
                                                                   std::function<void()> done) {
        run_on_thread([this, weak, seen, done = std::move(done)] {
          if (auto found = weak.lock()) {
            spawn(renew(std::move(found), seen, done), log_bug);
          } else {
            done();
          }
        });
      };
    }
    take(item, key);
    job->tokens.emplace_back(provider, item);
  }
  job->left = groups.size() + 1;
  for (auto& [group, items] : groups) {
    spawn(fetch_group(job, group, std::move(items)), log_bug);
  }
  spawn(fetch_group(job, "", {}), log_bug);
}

/// One at a time in each group: a login is not made twice.
Task<bool> Keeper::enter(std::string group) {
  for (;;) {
    bool& busy = busy_[group];
    if (!busy) {
      busy = true;
      co_return true;
    }
    const bool goes_on = co_await loop_->sleep(20ms);
    if (!goes_on) co_return false;
  }
}

/// @param job  null: because it is time
Task<> Keeper::fetch_group(std::shared_ptr<Job> job, std::string group,
                           std::vector<ItemPtr> items) {
  bool entered = group.empty();
  if (!entered) entered = co_await enter(group);
  bool changed = false;
  if (entered && !items.empty()) {
    const auto deadline = Clock::now() + items.front()->timeout;
    for (const auto& item : items) {
      const auto now = Clock::now();
      const bool kept = item->held && item->live->good(now) && job && job->how == How::kept;
      if (kept || (!job && now < item->due)) continue;
      const auto before = item->live->version();
      co_await fetch(item, deadline);
      changed = changed || (!item->oauth && item->live->version() != before && before != 0);
    }
    busy_[group] = false;
  }
  if (job && --job->left == 0) {
    auto tokens = std::move(job->given.tokens);  // those that could not even be asked for
    job->given = gather(*job);
    job->given.tokens.merge(tokens);
    job->done.set_value();
  }
  if (!changed || job) co_return;
  std::function<void()> tell;
  {
    const std::lock_guard lock(mutex_);
    tell = changed_;
  }
  if (tell) tell();
}

Keeper::Given Keeper::gather(const Job& job) {
  Given given;
  const auto now = Clock::now();
  for (const auto& [document, item] : job.documents) {
    if (item->held && item->live->good(now)) {
      given.documents.emplace(document, Secret(std::string(item->text.reveal())));
    } else {
      given.documents.emplace(document, away(item->reference.shown(), item->error));
    }
  }
  for (const auto& [provider, item] : job.tokens) {
    const bool good = item->held && item->live->good(now);
    given.tokens.emplace(provider, good ? Result<>() : Result<>(item->error));
  }
  return given;
}

Task<> Keeper::fetch(ItemPtr item, Clock::time_point deadline) {
  auto source = source_of(*item);
  if (!source) {
    fail(*item, source.error());
    co_return;
  }
  for (int again = 0;; ++again) {
    auto fetched = co_await (*source)->fetch(item->reference.location, deadline);
    if (fetched) {
      keep(*item, std::move(*fetched));
      co_return;
    }
    const auto pause = 100ms * (1 << again);
    bool worth = passes(fetched.error()) && again < 2 && Clock::now() + pause < deadline;
    if (worth) worth = co_await loop_->sleep(pause);
    if (!worth) {
      fail(*item, fetched.error());
      co_return;
    }
  }
}

void Keeper::keep(Item& item, Fetched fetched) {
  const auto now = Clock::now();
  const milliseconds life = fetched.lease > 0ms ? fetched.lease : item.ttl;
  if (item.oauth) {
    item.due = now + std::max(life - item.oauth->refresh_before, life / 2);
  } else {
    // What a ciphertext means does not change: only whether its key may still be used.
    const bool fixed = item.reference.scheme == "kms" || item.reference.scheme == "transit";
    const auto pause = fixed ? std::max(item.refresh, life / 2) : item.refresh;
    item.due = now + (fetched.lease > 0ms ? life * 2 / 3 : pause);
  }
  if (item.failures > 0)
    log::info("secret: fetched again", {{"source", log::safe(item.live->source())}});
  item.failures = 0;
  item.fetched_at = now.time_since_epoch().count();
  ++item.fetched;
  const bool same = item.held && item.text.reveal() == fetched.text.reveal();
  item.text = std::move(fetched.text);
  item.held = true;
  item.live->prolong(now + life);
  if (!same) item.live->set(item.text);
}

void Keeper::fail(Item& item, Error error) {
  const auto doubled = milliseconds(500) * (1 << std::min<std::uint32_t>(item.failures, 8));
  item.due = Clock::now() + std::min(std::min(doubled, item.refresh), backoff_max);
  ++item.failed;
  if (item.failures++ == 0) {
    log::warn("secret: cannot be fetched",
              {{"source", log::safe(item.live->source())}, {"why", log::redacted(error.message)}});
  }
  item.error = std::move(error);
}

/// A token that a provider refused before its time.
Task<> Keeper::renew(ItemPtr item, std::uint64_t seen, std::function<void()> done) {
  bool entered = false;
  if (item->live->version() == seen) entered = co_await enter(item->group);
  if (entered) {
    const auto now = Clock::now();
    if (item->live->version() == seen && now - item->renewed_at > renew_pause) {
      item->renewed_at = now;
      co_await fetch(item, now + item->timeout);
    }
    busy_[item->group] = false;
  }
  done();
}

Task<> Keeper::tend() {
  auto next_pools = Clock::now();
  for (;;) {
    const bool goes_on = co_await loop_->sleep(tick);
    if (!goes_on) co_return;
    const auto now = Clock::now();
    if (now >= next_pools) {
      loop_->pools.tend(now);
      next_pools = now + 1s;
    }
    std::map<std::string, std::vector<ItemPtr>> due;
    for (const auto& [key, item] : items_) {
      if (now >= item->due && !busy_[item->group]) due[item->group].push_back(item);
    }
    for (auto& [group, items] : due) spawn(fetch_group(nullptr, group, std::move(items)), log_bug);
  }
}

void Keeper::retain(const Wanted& wanted) {
  std::vector<std::string> keys;
  for (const auto& reference : wanted.references) keys.push_back(reference.document());
  for (const auto& [provider, oauth] : wanted.tokens) {
    keys.push_back("oauth:" + Fingerprint::of(*oauth));
  }
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) return;
  const auto kept = [keys = std::move(keys)](const auto& entry) {
    return std::find(keys.begin(), keys.end(), entry.first) == keys.end();
  };
  std::erase_if(seen_, kept);
  loop_->reactor.post([this, kept] { std::erase_if(items_, kept); });
}

LivePtr Keeper::live(const std::string& document) const {
  const std::lock_guard lock(mutex_);
  const auto found = seen_.find(document);
  return found == seen_.end() ? nullptr : found->second->live;
}

LivePtr Keeper::token(const OAuthConfig& config) const {
  return live("oauth:" + Fingerprint::of(config));
}

std::vector<Keeper::Shown> Keeper::show() const {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  std::vector<Shown> all;
  for (const auto& [key, item] : seen_) {
    const auto at = Clock::time_point(Clock::duration(item->fetched_at.load()));
    const double age = item->fetched == 0 ? -1 : std::chrono::duration<double>(now - at).count();
    all.push_back({item->live->source(), age, item->live->good(now), item->fetched, item->failed});
  }
  return all;
}

Task<> Keeper::make_key(std::shared_ptr<std::promise<Result<std::string>>> promise,
                        std::string key_id) {
  Item item("kms");
  item.reference.scheme = "kms";
  auto source = source_of(item);
  if (!source) {
    promise->set_value(source.error());
    co_return;
  }
  auto& kms = static_cast<KmsValues&>(**source);
  auto made = co_await kms.new_key(std::move(key_id), Clock::now() + sources_->config->timeout);
  promise->set_value(std::move(made));
}

Result<std::string> Keeper::new_master_key(std::shared_ptr<const SecretsConfig> config,
                                           std::string key_id) {
  auto promise = std::make_shared<std::promise<Result<std::string>>>();
  auto done = promise->get_future();
  run_on_thread([this, promise, config = std::move(config), key_id = std::move(key_id)] {
    use(config);
    spawn(make_key(promise, key_id), log_bug);
  });
  auto made = done.get();
  if (!made) return away("kms", made.error());
  return "kms:" + *made;
}

}  // namespace hawser::secret
