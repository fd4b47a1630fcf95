#include "settings/reference.hpp"

#include "config/json_schema.hpp"
#include "config/reference.hpp"
#include "settings/config.hpp"

namespace hawser::settings {

std::string configuration_page() {
  Config config;
  config::Reference reference;
  reference.describe(config);
  return "# Configuration\n\n"
         "One YAML file: `hawser serve -c FILE`; `hawser check -c FILE` tells everything that is "
         "wrong "
         "with it, with line and\ncolumn. It is read again on SIGHUP and when it changes; a bad "
         "file "
         "never replaces a good one. Addresses, ports and whether "
         "there is\nTLS (`listen`, `admin`), `workers` and `log.access_log` hold from the start "
         "and need a "
         "restart.\n\n"
         "Durations have a unit (`250ms`, `2s`, `5m`, `1h`), sizes may have one (`64KiB`, "
         "`512MiB`). "
         "Text may hold `${env:NAME}`,\n`${file:PATH}` and other [sources](secrets.md); "
         "credentials should. `$${` stands for `${`.\n\n"
         "Editors complete and check the file with `docs/hawser.schema.json`: begin it with\n"
         "`# yaml-language-server: $schema=PATH/hawser.schema.json`.\n\n"
         "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n" +
         reference.rows() +
         "\nThis page is generated from the program: `HAWSER_UPDATE=1 ./dev test Reference` writes "
         "it "
         "anew.\n";
}

std::string configuration_schema() {
  Config config;
  return "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"title\": \"Hawser\", " +
         config::json_schema(config) + "}\n";
}

}  // namespace hawser::settings
