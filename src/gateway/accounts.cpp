#include "gateway/accounts.hpp"

#include "export/page.hpp"
#include "price/price_table.hpp"

namespace hawser::gateway {

void restore_budgets(store::Ledger& ledger, const stage::admit::LimitTable& table,
                     store::LimitCounters& counters) {
  using stage::admit::LimitTable;
  store::CounterName name;
  for (const auto& budget : table.budgets()) {
    const auto window = stage::admit::window_at(budget.period, std::chrono::system_clock::now());
    const auto since =
        std::chrono::duration_cast<std::chrono::microseconds>(window.begin.time_since_epoch())
            .count();
    ledger.sum_since(since, [&](const store::LedgerRow& row) {
      if (!stage::admit::holds(budget.tenants, row.tenant)) return;
      LimitTable::Who who;
      who.key = row.key;
      who.user = row.user;
      who.team = row.team;
      who.tenant = row.tenant;
      who.model = row.model;
      who.target = row.target;
      who.address = row.address;
      LimitTable::name_counter(budget, who, name);
      counters.at(name, Clock::now())->spend.restore(window.number, row.cost, window.end);
    });
  }
}

std::string render_ledger(const store::Ledger& ledger) {
  const auto figures = ledger.figures();
  exporting::Page page;
  page.add("hawser_ledger_rows_total", "counter", "Rows that are committed.", figures.committed);
  page.add("hawser_ledger_waiting", "gauge", "Rows that wait to be written.", figures.waiting);
  page.add("hawser_ledger_dropped_total", "counter", "Rows that were lost: too many waited.",
           figures.dropped);
  page.family("hawser_cost_usd_total", "counter", "What attempts cost, since the start.");
  for (const auto& [names, cost] : figures.cost) {
    page.sample({{"gen_ai_request_model", names.first}, {"gen_ai_provider_name", names.second}},
                price::to_text(cost));
  }
  return page.take();
}

}  // namespace hawser::gateway
