#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace hawser::net {

/// Blocks of one size, handed out last-in first-out so that the warmest is used next. One a worker.
/// Connections hold a block only while bytes are in it: an idle connection has none.
class BlockPool {
 public:
  static constexpr std::size_t block_size = 32 * 1024;
  /// Bytes behind the usable part that a reader may touch but not interpret (simdjson's padding).
  static constexpr std::size_t slack = 64;
  using Block = std::unique_ptr<char[]>;

  explicit BlockPool(std::size_t kept_max = 64) : kept_max_(kept_max) {}

  Block take() {
    if (free_.empty()) return Block(new char[block_size + slack]);
    Block block = std::move(free_.back());
    free_.pop_back();
    return block;
  }
  void give_back(Block block) {
    if (block && free_.size() < kept_max_) free_.push_back(std::move(block));
  }

 private:
  std::size_t kept_max_;
  std::vector<Block> free_;
};

/// Bytes that were read and not yet used up. Takes a block from the pool when bytes come and gives
/// it back when the last one is consumed.
class InBuffer {
 public:
  explicit InBuffer(BlockPool& pool) : pool_(&pool) {}
  InBuffer(const InBuffer&) = delete;
  InBuffer& operator=(const InBuffer&) = delete;
  ~InBuffer() { drop_block(); }

  std::string_view view() const { return {block_.get() + begin_, end_ - begin_}; }
  char* data() { return block_.get() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  bool full() const { return block_ && size() == capacity_; }

  /// Room to read into; empty only when the buffer is full of unused bytes. Moves the bytes that
  /// are there only when there is no room behind them.
  std::span<char> room() {
    if (!block_) block_ = pool_->take();
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == capacity_ && begin_ > 0) compact();
    return {block_.get() + end_, capacity_ - end_};
  }
  void filled(std::size_t bytes) { end_ += static_cast<std::uint32_t>(bytes); }
  void consume(std::size_t bytes) { begin_ += static_cast<std::uint32_t>(bytes); }
  /// Moves the bytes that are there to the front, so that all room is behind them.
  void to_front() {
    if (begin_ > 0) compact();
  }

  /// Doubles the room, for heads that are longer than a block.
  void grow() {
    const std::uint32_t larger = 2 * capacity_;
    BlockPool::Block block(new char[larger + BlockPool::slack]);
    std::memcpy(block.get(), data(), size());
    end_ -= begin_;
    begin_ = 0;
    drop_block();
    block_ = std::move(block);
    capacity_ = larger;
  }
  /// Gives an empty block back: call before a wait.
  void release_if_empty() {
    if (begin_ != end_) return;
    begin_ = end_ = 0;
    drop_block();
  }

 private:
  void drop_block() {
    if (capacity_ == BlockPool::block_size) pool_->give_back(std::move(block_));
    block_.reset();
    capacity_ = BlockPool::block_size;
  }
  void compact() {
    std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }

  BlockPool* pool_;
  BlockPool::Block block_;
  std::uint32_t capacity_ = BlockPool::block_size;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
};

}  // namespace hawser::net
