#pragma once

#include <string>
#include <string_view>

namespace hawser::wire {

/// Judges the path of a request target ("/v1/files/a%20b", without query). Programs on the way
/// decode, fold and split paths differently; a path that two of them may read differently would let
/// a policy decide about another resource than the one that is served. Only paths with one reading
/// pass: no empty or dot segments, no trailing slash but in "/", no backslash, no semicolon, and of
/// percent-encoded bytes only those that can't be delimiters, dots, controls or letters.
///
/// Source: RFC 3986, 2.2 to 2.4, 5.2.4, 6.2.2.
/// @return a sentence on what is wrong; empty: the path is canonical
std::string_view path_problem(std::string_view path);

/// A segment of a canonical path, decoded.
std::string decoded_segment(std::string_view segment);

}  // namespace hawser::wire
