#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace hawser {

/// Memory of coroutine frames, kept by size and by thread: a request makes and drops about twenty,
/// and the same few sizes come again and again.
class FramePool {
 public:
  static void* take(std::size_t size);
  static void give_back(void* frame, std::size_t size) noexcept;

 private:
  static constexpr std::size_t step = 16;  // as malloc rounds
  static constexpr std::size_t pooled_max = 4096;
  static constexpr std::uint32_t kept_max = 128;  // of each size

  struct Free {
    Free* next;
  };
  struct Shelf {
    Free* first = nullptr;
    std::uint32_t kept = 0;
  };
  // Nothing is freed when a thread ends: workers live as long as the process.
  static constinit thread_local Shelf shelves_[pooled_max / step];
};

template <class T>
class Task;

namespace task_detail {

struct PromiseBase {
  std::coroutine_handle<> parent{};
  bool starting = false;  // the parent is still in await_suspend()
  std::exception_ptr bug{};

  static void* operator new(std::size_t size) { return FramePool::take(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    FramePool::give_back(frame, size);
  }

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const PromiseBase& promise = ended.promise();
      if (!promise.starting) promise.parent.resume();  // may destroy `ended`
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { bug = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value{};
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
};

template <class T>
struct Ready {
  std::optional<T> value{};
};
template <>
struct Ready<void> {};

}  // namespace task_detail

/// Something that ends later: a coroutine, or a value that is there already. Awaited once, by one,
/// on the thread that began it. It starts when it is awaited; dropped before, it never runs.
///
/// A function that mostly has its result at hand need not be a coroutine: it returns the value, and
/// no frame is made. Our own type because a request goes through twenty of these: an
/// asio::awaitable costs a multiple, most of it in frames that its two-slot cache cannot keep.
template <class T = void>
class [[nodiscard]] Task : private task_detail::Ready<T> {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  template <class U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, Task>)
      Task(U&& at_hand) {
    this->value.emplace(std::forward<U>(at_hand));
  }
  Task() requires std::is_void_v<T> {}
  Task(Task&& other) noexcept
      : task_detail::Ready<T>(std::move(other)), handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return !handle_; }
  /// Runs the coroutine up to its first wait; what ends before costs its parent no suspension. By
  /// nested calls in place of symmetric transfer, so that no loop grows the stack in builds without
  /// tail calls.
  bool await_suspend(std::coroutine_handle<> parent) {
    promise_type& promise = handle_.promise();
    promise.parent = parent;
    promise.starting = true;
    handle_.resume();
    if (handle_.done()) return false;
    promise.starting = false;
    return true;
  }
  /// Rethrows what left the coroutine: a bug, for failures are values.
  T await_resume() {
    if constexpr (!std::is_void_v<T>) {
      if (!handle_) return std::move(*this->value);
    } else {
      if (!handle_) return;
    }
    if (handle_.promise().bug) std::rethrow_exception(handle_.promise().bug);
    return handle_.promise().take();
  }

 private:
  friend promise_type;
  explicit Task(Handle handle) : handle_(handle) {}

  Handle handle_{};
};

template <class T>
Task<T> task_detail::Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> task_detail::Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

/// `co_await OwnFrame{}` gives where the awaiting coroutine keeps its state, without a wait.
struct OwnFrame {
  const void* frame = nullptr;
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> self) noexcept {
    frame = self.address();
    return false;
  }
  const void* await_resume() const noexcept { return frame; }
};

/// A coroutine that nobody awaits: it runs at once, up to its first wait, and destroys itself. An
/// exception that leaves it ends the process: see spawn() for those that may.
struct Detached {
  struct promise_type {
    static void* operator new(std::size_t size) { return FramePool::take(size); }
    static void operator delete(void* frame, std::size_t size) noexcept {
      FramePool::give_back(frame, size);
    }
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

/// Runs `task` by itself, here and now up to its first wait.
/// @param on_bug  told of an exception that left it
inline Detached spawn(Task<> task, void (*on_bug)(std::exception_ptr)) {
  std::exception_ptr bug;
  try {
    co_await std::move(task);
  } catch (...) {
    bug = std::current_exception();
  }
  if (bug) on_bug(bug);
}

}  // namespace hawser
