#pragma once

#include <string>
#include <vector>

#include "provider/headers.hpp"
#include "wire/http1.hpp"

namespace hawser::provider {

/// What of a client's header a provider may answer by: all that goes on to any provider, known to
/// us or listed by the configuration, and not a list of our own of what matters. Two requests are
/// the same only where these are: for the cache and for who comes back.
class PassedFields {
 public:
  PassedFields() = default;
  /// @param listed  of all providers
  explicit PassedFields(const std::vector<std::string>& listed) : listed_(listed) {}

  /// Appends the query and the fields that count, in a form in which no two look alike. What tells
  /// calls apart and not what they ask for does not count: traces, names of repetitions, what the
  /// client's program is, how a cache may answer.
  void append(const wire::RequestHead& head, std::string& out) const;

 private:
  bool counts(std::string_view name) const;

  HeaderNames listed_;
};

}  // namespace hawser::provider
