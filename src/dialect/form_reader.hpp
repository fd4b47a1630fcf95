#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::dialect {

/// Gets the parts of a form as they are read.
class PartReader {
 public:
  virtual void begin_part(std::string_view name, bool file) = 0;
  virtual void content(std::string_view bytes) = 0;
  virtual void end_part() = 0;

 protected:
  ~PartReader() = default;
};

/// Reads a multipart/form-data body as it comes and finds the field "model" in it, wherever it
/// stands. Strict where lax readers disagree about which parts there are: no preamble, CRLF only,
/// one plain name a part, no part with a transfer encoding, nothing behind the last boundary.
///
/// Keeps no content: memory is bounded by the headers of one part and the value of "model".
/// Source: RFC 7578, RFC 2046 5.1.1.
class FormReader {
 public:
  static constexpr std::size_t headers_max = 8 * 1024;  // bytes of one part's
  static constexpr std::size_t model_max = 512;         // bytes of the value
  static constexpr std::uint32_t parts_max = 1'000;

  /// Whether a form may have a field of this name.
  using Allows = bool (*)(std::string_view name);

  /// @param boundary  as the media type names it
  explicit FormReader(std::string_view boundary, Allows allows = nullptr);

  /// From here on the parts go there, too; it outlives this.
  void tell(PartReader& parts) { parts_reader_ = &parts; }

  /// Takes the next bytes; however they are cut, the outcome is the same.
  /// @return false: problem() says what is wrong; nothing more is read
  bool feed(std::string_view bytes);
  /// The body is over. @return false: it ended too early
  bool finish();

  /// A sentence on what is wrong with the form; empty: nothing.
  const std::string& problem() const { return problem_; }
  /// The one field "model", once it was read whole.
  bool has_model() const { return model_done_; }
  const std::string& model() const { return model_; }
  /// Where its value begins, from the start of the body.
  std::uint64_t model_at() const { return model_at_; }

 private:
  enum class Phase : std::uint8_t { opening, behind_boundary, headers, content, over };

  bool fail(std::string_view problem);
  bool step(std::string_view& rest);
  bool take_opening(std::string_view& rest);
  bool take_behind_boundary(std::string_view& rest);
  bool take_headers(std::string_view& rest);
  bool take_content(std::string_view& rest);
  bool begin_part();
  bool read_header(std::string_view line, std::optional<std::string>& name, bool& file);
  bool end_part();
  void tell_content(std::string_view bytes) {
    if (parts_reader_ != nullptr && !bytes.empty()) parts_reader_->content(bytes);
  }
  void consume(std::string_view& rest, std::size_t size);

  Allows allows_;  // null: any field
  PartReader* parts_reader_ = nullptr;
  std::string delimiter_;  // CRLF, two dashes and the boundary
  std::string held_;       // of a line, a header block, or what may begin a delimiter
  std::string problem_;
  std::string model_;
  std::uint64_t at_ = 0;  // bytes read
  std::uint64_t model_at_ = 0;
  std::uint32_t parts_ = 0;
  Phase phase_ = Phase::opening;
  bool in_model_ = false;
  bool model_done_ = false;
};

}  // namespace hawser::dialect
