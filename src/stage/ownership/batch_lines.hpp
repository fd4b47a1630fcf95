#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dialect/form_reader.hpp"
#include "dialect/operation.hpp"
#include "net/byte_budget.hpp"

namespace hawser::stage::ownership {

/// Reads the file of an upload for what its lines refer to, should it be a batch's: a batch runs
/// each line as a request of its own. A file with a line that cannot be read, is too long or names
/// what is not its tenant's may be anything but the input of a batch.
class BatchLines final : public dialect::PartReader {
 public:
  static constexpr std::size_t line_max = 4 * 1024 * 1024;  // bytes
  using Owns = std::function<bool(dialect::ObjectKind kind, std::string_view id)>;

  /// @param lease  takes what is held of a line
  BatchLines(Owns owns, net::ByteLease lease) : owns_(std::move(owns)), lease_(std::move(lease)) {}

  void begin_part(std::string_view name, bool file) override;
  void content(std::string_view bytes) override;
  void end_part() override;

  /// Error: the upload says that it is for a batch, and its file may not be one's.
  Result<> check() const;
  /// Whether all of it was read, and may be the input of a batch.
  bool may_be_input() const { return files_ == 1 && !in_file_ && !error_; }

 private:
  void fail(Error error);
  void take_lines(std::string_view bytes);
  bool hold(std::string_view bytes);
  void read(std::string_view line);

  Owns owns_;
  net::ByteLease lease_;
  std::string held_;     // of a line
  std::string purpose_;  // as far as it is short
  std::optional<Error> error_{};
  unsigned files_ = 0;
  bool in_file_ = false;
  bool in_purpose_ = false;
  bool for_batch_ = false;
};

}  // namespace hawser::stage::ownership
