#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/fields.hpp"

namespace hawser::policy {

/// Where something is and under whose rule: a provider, a target, a tier of the cache, this node.
struct Tags {
  std::string region{};
  std::string country{};
  std::string zone{};
  std::string operated_by{};
  std::vector<std::string> legal{};
  std::optional<bool> zdr{};
  std::optional<bool> train{};
  std::optional<bool> global{};
  config::Map<std::string> labels{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("region", region, config::Anything{}, "Such as eu-west; any word of yours.");
    field("country", country, config::Anything{}, "Such as DE.");
    field("zone", zone, config::Anything{}, "Such as eu-west-1a.");
    field("operator", operated_by, config::Anything{}, "Whose machines they are.");
    field("legal", legal, config::Anything{},
          "Legal areas that it is under, such as gdpr; empty: not known.");
    field("zdr", zdr, config::Anything{}, "Whether nothing is retained there.");
    field("train", train, config::Anything{}, "Whether models are trained with what comes there.");
    field("global", global, config::Anything{},
          "Whether it passes requests on to other regions as it likes.");
    field("labels", labels, config::Anything{}, "Tags of your own: labels.NAME in expressions.");
  }
  bool operator==(const Tags&) const = default;
  bool empty() const { return *this == Tags(); }
};

/// `over` where it says something, else `base`.
Tags overlaid(Tags base, const Tags& over);

/// The same tags give the same text; none give an empty one.
std::string text_of(const Tags& tags);

}  // namespace hawser::policy
