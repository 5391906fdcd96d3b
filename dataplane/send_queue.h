// What waits to be sent on one socket, in order. At most one send is in flight; what is appended
// meanwhile is gathered into the next one.
//
// The queue is a list of pieces. The first `in_flight` of them belong to the kernel until its
// completion. A piece either owns its bytes (appends coalesce into the last one that is not in
// flight) or refers to a SharedBlock: a push encoded once for many receivers of one shard.
//
// One thread. The queue does not know its pool: it is passed in, to keep idle connections small.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "codec/bytes.h"
#include "dataplane/block_pool.h"

namespace ringgate {

// Immutable bytes with a count of the queues that refer to them; shard-local, so not atomic.
struct SharedBlock {
  std::uint32_t references = 0;
  std::uint32_t capacity = 0;
  std::uint32_t bytes = 0;

  [[nodiscard]] std::uint8_t* data() noexcept {
    return reinterpret_cast<std::uint8_t*>(this) + sizeof(SharedBlock);
  }
  // With one reference, the caller's. Null: there is no memory for it.
  [[nodiscard]] static SharedBlock* create(BlockPool& pool, std::size_t bytes);
  static void release(BlockPool& pool, SharedBlock* block) noexcept;
};

class SendQueue {
 public:
  static constexpr std::size_t kMaxSendBytes = 256 * 1024;
  static constexpr std::size_t kMaxPieceBytes = 64 * 1024;
  // A piece with more in it than this was made for one packet: others are at most kMaxPieceBytes,
  // and what the pool rounds that up to.
  static constexpr std::size_t kLongBytes = 2 * kMaxPieceBytes;

  // Room for exactly `bytes`, already counted as queued; the caller fills it before the batch
  // ends. `first_piece_bytes` is the size of a fresh piece: small for clients, large for links.
  // Null: there is no memory for them.
  [[nodiscard]] std::uint8_t* reserve(BlockPool& pool, std::size_t bytes,
                                      std::size_t first_piece_bytes);
  // Adds a reference to `block`, behind a copy of `head`. False: there is no memory for both.
  [[nodiscard]] bool append_shared(BlockPool& pool, ByteView head, std::size_t first_piece_bytes,
                                   SharedBlock* block);

  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] bool in_flight() const noexcept { return in_flight_ != 0; }
  [[nodiscard]] std::uint32_t queued_bytes() const noexcept { return queued_bytes_; }
  // Of these, what is not the first packet longer than kLongBytes. Walks over the pieces.
  [[nodiscard]] std::uint32_t bytes_beside_a_long_one() const noexcept;
  // What it takes of the pool: whole blocks, of shared ones its share. Walks over the pieces.
  [[nodiscard]] std::size_t pool_bytes() const noexcept;

  // Marks as in flight as much as one send may carry, `most_bytes` at most, and describes it; the
  // number of pieces.
  [[nodiscard]] std::size_t start_send(std::span<iovec> pieces,
                                       std::size_t most_bytes = kMaxSendBytes) noexcept;
  // The send in flight has completed with `bytes` sent; what was not sent is first in line again.
  void complete_send(BlockPool& pool, std::size_t bytes) noexcept;
  // Gives everything back. Nothing may be in flight.
  void clear(BlockPool& pool) noexcept;

 private:
  struct Piece;
  static Piece* make_piece(BlockPool& pool, std::size_t payload_bytes);
  static void free_piece(BlockPool& pool, Piece* piece) noexcept;
  void link(Piece* piece) noexcept;

  Piece* head_ = nullptr;
  Piece* tail_ = nullptr;
  std::uint32_t queued_bytes_ = 0;
  std::uint16_t pieces_ = 0;    // capped by the bound on queued bytes, see reserve()
  std::uint8_t in_flight_ = 0;  // pieces, counted from head_
};

}  // namespace ringgate
