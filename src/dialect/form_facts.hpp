#pragma once

#include <string>
#include <string_view>

#include "dialect/canonical_name.hpp"
#include "dialect/form_reader.hpp"
#include "dialect/other_models.hpp"
#include "dialect/token_texts.hpp"

namespace hawser::dialect {

/// What policies must know of a form beside its model. It is told the parts as they are read.
class FormFacts final : public PartReader {
 public:
  /// It asks for its answer's text a second time, token by token or word by word (token_texts.hpp).
  bool token_texts() const { return asked_; }
  /// It asks for further models, or names a server (other_models.hpp).
  bool other_models() const { return other_models_; }

  void begin_part(std::string_view name, bool file) override {
    std::string scratch;
    std::string_view plain = canonical_name(name, scratch);
    plain = plain.substr(0, plain.find('['));  // "include[]", "models[0]"
    if (other_model_names.has(plain)) other_models_ = true;
    field_ = Field::other;
    if (!file && plain == "include") field_ = Field::include;
    if (!file && plain == "responseformat") field_ = Field::format;
    if (plain == "timestampgranularities" || names_token_texts(plain)) asked_ = true;
    value_.clear();
  }
  void content(std::string_view bytes) override {
    if (field_ == Field::other) return;
    // A longer one is none of those that are known, and may be read as any.
    if (value_.size() + bytes.size() > value_max) asked_ = true;
    if (!asked_) value_.append(bytes);
  }
  void end_part() override {
    std::string scratch;
    if (field_ == Field::include && names_token_texts(canonical_name(value_, scratch))) {
      asked_ = true;
    }
    if (field_ == Field::format && repeats_texts(value_)) asked_ = true;
  }

 private:
  static constexpr std::size_t value_max = 256;
  enum class Field : std::uint8_t { other, include, format };

  Field field_ = Field::other;
  std::string value_{};
  bool asked_ = false;
  bool other_models_ = false;
};

}  // namespace hawser::dialect
