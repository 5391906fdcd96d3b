// What a ring asks the kernel for: the one table that the start of a shard and `ringgate doctor`
// both read. tests/structure/ring_operations_test.py compares it with the calls in uring.cc.
#pragma once

#include <liburing.h>  // not linux/io_uring.h: see uring.h

#include <array>
#include <cstdint>
#include <string_view>

namespace ringgate {

struct RingOperation {
  std::uint8_t opcode;    // IORING_OP_…
  std::string_view name;  // without the prefix
};

// In the order of their numbers.
inline constexpr auto kRingOperations = std::to_array<RingOperation>({
    {IORING_OP_NOP, "NOP"},
    {IORING_OP_POLL_ADD, "POLL_ADD"},
    {IORING_OP_SENDMSG, "SENDMSG"},
    {IORING_OP_ACCEPT, "ACCEPT"},
    {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
    {IORING_OP_CLOSE, "CLOSE"},
    {IORING_OP_SEND, "SEND"},
    {IORING_OP_RECV, "RECV"},
    {IORING_OP_SHUTDOWN, "SHUTDOWN"},
    {IORING_OP_URING_CMD, "URING_CMD"},
});

}  // namespace ringgate
