#pragma once

#include <span>
#include <string_view>

#include "dialect/operation.hpp"

namespace hawser::dialect {

/// One row of the table of operations: which requests are which operation.
struct OperationRow {
  std::string_view method;  // empty: any
  std::string_view path;  // {kind}: one segment; {kind}:verb: its beginning; /**: whatever follows
  Operation operation;
  ObjectKind makes = ObjectKind::none;
  ObjectKind lists = ObjectKind::none;
};

/// All rows in their order; the first that matches a request counts. Where none does, the operation
/// is `unknown`.
std::span<const OperationRow> operation_rows();

}  // namespace hawser::dialect
