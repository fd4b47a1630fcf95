#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace hawser::exporting {

/// Writes Prometheus' text format 0.0.4; nothing else does, so there is one escaping of labels.
/// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
class Page {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  /// Begins a family; its samples follow. One without any shows its HELP and TYPE.
  void family(std::string_view name, std::string_view type, std::string_view help);
  /// A sample of the family that was begun last.
  template <class Number>
  requires std::integral<Number> || std::floating_point<Number>
  void sample(Labels labels, Number number) { sample(labels, text_of(number)); }
  void sample(Labels labels, std::string_view number) {
    line({}, {labels.begin(), labels.size()}, number);
  }
  /// A family of one series without labels.
  template <class Number>
  requires std::integral<Number> || std::floating_point<Number>
  void add(std::string_view name, std::string_view type, std::string_view help, Number number) {
    family(name, type, help);
    sample({}, number);
  }

  /// @param suffix  behind the family's name: _bucket, _sum, _count
  void line(std::string_view suffix, std::span<const Label> labels, std::string_view number);
  static std::string text_of(double number);
  template <std::integral Number>
  static std::string text_of(Number number) {
    return std::to_string(number);
  }

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

}  // namespace hawser::exporting
