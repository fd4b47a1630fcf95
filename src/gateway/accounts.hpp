#pragma once

#include <string>

#include "stage/admit/limits.hpp"
#include "store/ledger.hpp"
#include "store/limit_counters.hpp"

namespace hawser::gateway {

/// Gives the budgets what the ledger says was spent in their windows.
void restore_budgets(store::Ledger& ledger, const stage::admit::LimitTable& table,
                     store::LimitCounters& counters);

/// The ledger's figures, as Prometheus reads them.
std::string render_ledger(const store::Ledger& ledger);

}  // namespace hawser::gateway
