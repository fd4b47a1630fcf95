#include "stage/attempt/tries.hpp"

namespace hawser::stage::attempt {

namespace {

constexpr auto renewal_patience = 10s;

}  // namespace

/// One try with a credential that changes or ends. A token that the provider refuses before its
/// time is replaced once, and the request, which did not run, is sent once more.
Task<Tried> Tries::with_credential(const AttemptRequest& request, Try& one) {
  const auto credential = upstream_of(one).credential;
  for (bool again = false;; again = true) {
    if (const auto ready = credential->ready(Clock::now()); !ready) {
      Tried tried;
      tried.error = ready.error();
      tried.failure = {.reached = Reached::not_connected, .code = tried.error.code};
      tried.failure.should_retry = false;
      co_return tried;
    }
    const auto sent = credential->version();  // others may take a newer one meanwhile
    Tried tried = co_await try_once(request, one);
    const bool refused = tried.failure.status == 401 && credential->renewable() && !again &&
                         request.message().stream == nullptr;
    if (!refused) co_return tried;
    const bool another = co_await renewed(*credential, sent, request.cancellation());
    if (!another) co_return tried;
  }
}

/// Whether there is another token than the one that was sent.
Task<bool> Tries::renewed(provider::Credential& credential, std::uint64_t seen,
                          net::Cancellation& cancellation) {
  if (credential.ready(Clock::now()) && credential.version() != seen) co_return true;
  net::Waiter waiter(reactor_);
  const auto waits = std::make_shared<net::Waiter*>(&waiter);
  credential.renew(seen, [waits, &reactor = reactor_] {
    reactor.post([waits] {
      if (*waits != nullptr) (*waits)->complete(net::IoStatus::ok);
    });
  });
  net::IoStatus status = net::IoStatus::ok;
  {
    const net::Cancellation::Binding bound(cancellation, waiter);
    status = co_await waiter.wait(Clock::now() + renewal_patience);
  }
  *waits = nullptr;
  if (status != net::IoStatus::ok || !credential.ready(Clock::now())) co_return false;
  co_return credential.version() != seen;
}

}  // namespace hawser::stage::attempt
