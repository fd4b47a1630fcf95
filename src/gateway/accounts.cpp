#include "gateway/accounts.hpp"

#include "price/price_table.hpp"

namespace hawser::gateway {

void restore_budgets(store::Ledger& ledger, const stage::admit::LimitTable& table,
                     store::LimitCounters& counters) {
  using stage::admit::LimitTable;
  std::string name;
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
  std::string out;
  const auto head = [&out](const char* name, const char* type, const char* help) {
    out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
    out.append(" ").append(type).append("\n");
  };
  const auto plain = [&](const char* name, const char* type, const char* help, auto value) {
    head(name, type, help);
    out.append(name).append(" ").append(std::to_string(value)).append("\n");
  };
  plain("hawser_ledger_rows_total", "counter", "Rows that are committed.", figures.committed);
  plain("hawser_ledger_waiting", "gauge", "Rows that wait to be written.", figures.waiting);
  plain("hawser_ledger_dropped_total", "counter", "Rows that were lost: too many waited.",
        figures.dropped);
  head("hawser_cost_usd_total", "counter", "What attempts cost, since the start.");
  for (const auto& [names, cost] : figures.cost) {
    out.append("hawser_cost_usd_total{gen_ai_request_model=\"").append(names.first);
    out.append("\",gen_ai_provider_name=\"").append(names.second).append("\"} ");
    out.append(price::to_text(cost)).append("\n");
  }
  return out;
}

}  // namespace hawser::gateway
