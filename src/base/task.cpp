#include "base/task.hpp"

namespace hawser {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAWSER_FRAMES_UNPOOLED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAWSER_FRAMES_UNPOOLED
#endif

#ifdef HAWSER_FRAMES_UNPOOLED
// The sanitizer sees frames used after their end only if their memory is not used again.
void* FramePool::take(std::size_t size) {
  return ::operator new(size);
}
void FramePool::give_back(void* frame, std::size_t size) noexcept {
  ::operator delete(frame, size);
}
#else
constinit thread_local FramePool::Shelf FramePool::shelves_[];

void* FramePool::take(std::size_t size) {
  const std::size_t index = (size - 1) / step;
  if (size > pooled_max) return ::operator new(size);
  Shelf& shelf = shelves_[index];
  if (shelf.first == nullptr) return ::operator new((index + 1) * step);
  --shelf.kept;
  return std::exchange(shelf.first, shelf.first->next);
}

void FramePool::give_back(void* frame, std::size_t size) noexcept {
  const std::size_t index = (size - 1) / step;
  if (size > pooled_max || shelves_[index].kept == kept_max) {
    ::operator delete(frame);
    return;
  }
  Shelf& shelf = shelves_[index];
  ++shelf.kept;
  shelf.first = new (frame) Free{shelf.first};
}
#endif

}  // namespace hawser
