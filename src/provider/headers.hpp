#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/http1.hpp"

namespace hawser::provider {

/// What of a client's header goes on to a provider: a list of what APIs and SDKs define. What is
/// not on it stays here, whoever sent it: cookies of a sign-on in front, addresses, other keys.
enum class Passing : std::uint8_t {
  never,   // nothing widens it: credentials, cookies, who came from where, what overrides the
           // method or path, our own
  listed,  // only where the configuration names it
  always,  // of a family that an API defines
};
Passing passing(std::string_view name);

/// Names, or beginnings of names that end in '*', as a configuration lists them.
class HeaderNames {
 public:
  HeaderNames() = default;
  explicit HeaderNames(const std::vector<std::string>& names);
  bool has(std::string_view name) const;

 private:
  std::vector<std::string> exact_;
  std::vector<std::string> prefixes_;
};

/// Why `name` cannot be listed; empty: it can.
std::string_view listing_problem(std::string_view name);

/// Whether one of the Connection fields names this one (RFC 9110, 7.6.1).
class ConnectionNames {
 public:
  explicit ConnectionNames(const std::vector<wire::Field>& fields);
  bool has(std::string_view name) const;

 private:
  const std::vector<wire::Field>& fields_;
  bool any_ = false;
};

/// Whether a provider's answer keeps this field to itself: it holds for the provider's host or
/// connection, is for its cookies or browsers, or claims to be ours.
bool stays_with_provider(std::string_view name);

/// Appends the query of a target without the parameters that carry a credential.
void append_query(std::string_view query, std::string& out);

/// Whether what follows a provider's base URL stays below it, in every reading that a server may
/// have of it. The front refuses such paths; this is the last place to notice one.
bool stays_below_base(std::string_view tail);

}  // namespace hawser::provider
