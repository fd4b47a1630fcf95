#pragma once

#include <memory>

namespace hawser {

/// A value that is nearly always what a T begins as: until then it costs a pointer. For what
/// thousands of idle streams have.
template <class T>
class Lazy {
 public:
  const T& get() const {
    static const T first{};
    return value_ ? *value_ : first;
  }
  void set(const T& value) {
    if (value_) {
      *value_ = value;
    } else if (!(value == get())) {
      value_ = std::make_unique<T>(value);
    }
  }
  /// Gives its memory back.
  void reset() { value_.reset(); }

 private:
  std::unique_ptr<T> value_{};
};

}  // namespace hawser
