#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/fields.hpp"
#include "filter/rule.hpp"

namespace hawser::filter {

/// Found by the configuration's loader beside the enums.
inline auto names_of(Action) {
  static constexpr config::EnumName<Action> names[] = {
      {Action::mask, "mask"}, {Action::hash, "hash"},   {Action::pseudonymise, "pseudonymise"},
      {Action::drop, "drop"}, {Action::block, "block"}, {Action::flag, "flag"}};
  return std::span(names);
}
inline auto names_of(Detector) {
  static constexpr config::EnumName<Detector> names[] = {
      {Detector::credential, "credential"},
      {Detector::private_key, "private_key"},
      {Detector::jwt, "jwt"},
      {Detector::assigned_secret, "assigned_secret"},
      {Detector::email, "email"},
      {Detector::phone, "phone"},
      {Detector::resident_id, "resident_id"},
      {Detector::credit_code, "credit_code"},
      {Detector::bank_card, "bank_card"},
      {Detector::iban, "iban"},
      {Detector::passport, "passport"},
      {Detector::ip, "ip"},
      {Detector::mac, "mac"},
      {Detector::licence_plate, "licence_plate"}};
  return std::span(names);
}

}  // namespace hawser::filter

namespace hawser::stage::filter {

/// Where a rule looks.
enum class Where : std::uint8_t { both, prompt, answer };
inline auto names_of(Where) {
  static constexpr config::EnumName<Where> names[] = {
      {Where::both, "both"}, {Where::prompt, "prompt"}, {Where::answer, "answer"}};
  return std::span(names);
}

struct RuleConfig {
  std::string name{};
  std::vector<hawser::filter::Detector> detect{};
  std::vector<std::string> keywords{};
  std::string pattern{};
  bool any_case = false;
  bool whole_words = false;
  hawser::filter::Action action = hawser::filter::Action::mask;
  Where in = Where::both;
  std::string label{};
  std::string replacement{};
  std::vector<std::string> tenants{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("name", name, config::Required{}, "Name in refusals and figures.");
    field("detect", detect, config::Anything{},
          "What is found by its form and check characters; or keywords, or pattern.");
    field("keywords", keywords, config::Anything{}, "Words to find, 1 to 128 bytes each.");
    field("pattern", pattern, config::Anything{},
          "A regular expression (RE2: linear time); a match has at most 256 bytes.");
    field("any_case", any_case, config::Anything{}, "Keywords and pattern in any case.");
    field("whole_words", whole_words, config::Anything{}, "Keywords only as whole words.");
    field(
        "action", action, config::Anything{},
        "mask: [EMAIL] or the replacement; hash: EMAIL#3f9a0c12b7de; pseudonymise: the provider "
        "sees EMAIL_7Q2XK, the client its value again; drop: nothing stays; block: the request or "
        "answer ends there; flag: it is counted.");
    field("in", in, config::Anything{}, "Where it looks.");
    field("label", label, config::Anything{},
          "The word of masks, hashes and pseudonyms: 2 to 16 capital letters.");
    field("replacement", replacement, config::Anything{}, "What mask puts in its place.");
    field("tenants", tenants, config::Anything{}, "Only for these tenants; empty: all.");
  }
  std::vector<config::Problem> check() const;
};

struct FilterConfig {
  std::vector<RuleConfig> rules{};
  std::vector<std::string> pass_unread{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("rules", rules, config::Anything{},
          "At each place of a text the first rule that matches counts.");
    field("pass_unread", pass_unread, config::Anything{},
          "Operations that pass although rules concern them and cannot read them, such as audio or "
          "files; all others are refused then. The words of keys[].operations.");
  }
  std::vector<config::Problem> check() const;
};

}  // namespace hawser::stage::filter
