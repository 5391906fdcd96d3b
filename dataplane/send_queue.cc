#include "dataplane/send_queue.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "dataplane/check.h"
#include "dataplane/ring.h"

namespace ringgate {

SharedBlock* SharedBlock::create(BlockPool& pool, std::size_t bytes) {
  const Block memory = pool.try_take_to_go_on(sizeof(SharedBlock) + bytes);
  if (memory.data == nullptr) return nullptr;
  auto* block = new (memory.data) SharedBlock;
  block->references = 1;
  block->capacity = memory.capacity;
  block->bytes = static_cast<std::uint32_t>(bytes);
  return block;
}

void SharedBlock::release(BlockPool& pool, SharedBlock* block) noexcept {
  if (--block->references > 0) return;
  pool.give({reinterpret_cast<std::uint8_t*>(block), block->capacity});
}

// The header of a piece; its own bytes follow it in the same block.
struct SendQueue::Piece {
  Piece* next = nullptr;
  SharedBlock* shared = nullptr;
  std::uint32_t begin = 0;     // sent before this
  std::uint32_t end = 0;       // filled up to this
  std::uint32_t capacity = 0;  // of the whole block, header included

  [[nodiscard]] std::uint8_t* own() noexcept {
    return reinterpret_cast<std::uint8_t*>(this) + sizeof(Piece);
  }
  [[nodiscard]] std::uint8_t* data() noexcept { return shared != nullptr ? shared->data() : own(); }
  // None behind a long packet, of which bytes_beside_a_long_one() tells the others.
  [[nodiscard]] std::size_t room() const noexcept {
    return shared != nullptr || end > kLongBytes ? 0 : capacity - sizeof(Piece) - end;
  }
};

SendQueue::Piece* SendQueue::make_piece(BlockPool& pool, std::size_t payload_bytes) {
  const Block memory = pool.try_take_to_go_on(sizeof(Piece) + payload_bytes);
  if (memory.data == nullptr) return nullptr;
  auto* piece = new (memory.data) Piece;
  piece->capacity = memory.capacity;
  return piece;
}

void SendQueue::free_piece(BlockPool& pool, Piece* piece) noexcept {
  if (piece->shared != nullptr) SharedBlock::release(pool, piece->shared);
  pool.give({reinterpret_cast<std::uint8_t*>(piece), piece->capacity});
}

void SendQueue::link(Piece* piece) noexcept {
  if (tail_ == nullptr) {
    head_ = piece;
  } else {
    tail_->next = piece;
  }
  tail_ = piece;
  ++pieces_;
}

std::uint8_t* SendQueue::reserve(BlockPool& pool, std::size_t bytes,
                                 std::size_t first_piece_bytes) {
  const bool tail_is_free = pieces_ > in_flight_;
  if (!tail_is_free || tail_->room() < bytes) {
    std::size_t piece_bytes = first_piece_bytes;
    if (tail_is_free) {  // a queue that grows takes larger steps
      piece_bytes = std::max<std::size_t>(piece_bytes, std::size_t{tail_->capacity} * 2);
    }
    Piece* piece = make_piece(pool, std::max(bytes, std::min(piece_bytes, kMaxPieceBytes)));
    if (piece == nullptr) piece = make_piece(pool, bytes);  // there may be as much as is needed
    if (piece == nullptr) return nullptr;
    link(piece);
  }
  std::uint8_t* const to = tail_->own() + tail_->end;
  tail_->end += static_cast<std::uint32_t>(bytes);
  queued_bytes_ += static_cast<std::uint32_t>(bytes);
  return to;
}

bool SendQueue::append_shared(BlockPool& pool, ByteView head, std::size_t first_piece_bytes,
                              SharedBlock* block) {
  Piece* const piece = make_piece(pool, 0);
  if (piece == nullptr) return false;
  if (!head.empty()) {
    std::uint8_t* const to = reserve(pool, head.size(), first_piece_bytes);
    if (to == nullptr) {
      free_piece(pool, piece);
      return false;
    }
    std::memcpy(to, head.data(), head.size());
  }
  piece->shared = block;
  piece->end = block->bytes;
  ++block->references;
  link(piece);
  queued_bytes_ += block->bytes;
  return true;
}

std::uint32_t SendQueue::bytes_beside_a_long_one() const noexcept {
  for (const Piece* piece = head_; piece != nullptr; piece = piece->next) {
    if (piece->end > kLongBytes) return queued_bytes_ - (piece->end - piece->begin);
  }
  return queued_bytes_;
}

std::size_t SendQueue::pool_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Piece* piece = head_; piece != nullptr; piece = piece->next) {
    bytes += piece->capacity;
    if (piece->shared != nullptr) bytes += piece->shared->capacity / piece->shared->references;
  }
  return bytes;
}

std::size_t SendQueue::start_send(std::span<iovec> pieces, std::size_t most_bytes) noexcept {
  RINGGATE_CHECK(in_flight_ == 0);
  const std::size_t most = std::min(pieces.size(), Ring::kMaxPieces);
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (Piece* piece = head_; piece != nullptr && count < most; piece = piece->next) {
    const std::size_t piece_bytes = piece->end - piece->begin;
    if (count > 0 && bytes + piece_bytes > most_bytes) break;
    const std::size_t now = std::min(piece_bytes, most_bytes);
    pieces[count++] = {piece->data() + piece->begin, now};
    bytes += now;
  }
  in_flight_ = static_cast<std::uint8_t>(count);
  return count;
}

void SendQueue::complete_send(BlockPool& pool, std::size_t bytes) noexcept {
  in_flight_ = 0;
  queued_bytes_ -= static_cast<std::uint32_t>(bytes);
  while (head_ != nullptr) {
    const std::size_t piece_bytes = head_->end - head_->begin;
    if (bytes < piece_bytes) {
      head_->begin += static_cast<std::uint32_t>(bytes);
      return;
    }
    bytes -= piece_bytes;
    Piece* const done = head_;
    head_ = done->next;
    --pieces_;
    free_piece(pool, done);
    if (bytes == 0) break;
  }
  if (head_ == nullptr) tail_ = nullptr;
}

void SendQueue::clear(BlockPool& pool) noexcept {
  RINGGATE_CHECK(in_flight_ == 0);
  while (head_ != nullptr) {
    Piece* const piece = head_;
    head_ = piece->next;
    free_piece(pool, piece);
  }
  tail_ = nullptr;
  queued_bytes_ = 0;
  pieces_ = 0;
}

}  // namespace ringgate
