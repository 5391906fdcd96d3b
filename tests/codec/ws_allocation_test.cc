// Replaces operator new to see that frames and messages take nothing from the heap.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/codec/ws_stream.h"
#include "tests/common/counted_new.h"

namespace ringgate {
namespace {

// Text in fragments, half frames looked into, a ping between, a whole text, a close.
std::size_t read_and_answer(MutableBytes stream, MutableBytes out) {
  WsMessage message;
  std::size_t events = 0;
  while (!stream.empty()) {
    const WsFrameRules rules = message.rules(1'000);
    const ByteView half = stream.first(std::min<std::size_t>(stream.size(), 9));
    const WsFrameStep early = next_ws_frame(half, rules);
    if (early.status == WsFrameStatus::kNeedMore && !message.can_go_on(early.head, half)) break;
    const WsFrameStep step = next_ws_frame(stream, rules);
    if (step.status != WsFrameStatus::kFrame) break;
    const MutableBytes payload = stream.subspan(step.head.head_bytes, step.head.payload_bytes);
    unmask(payload, step.head.key);
    const WsAction action = message.take(step.head, payload);
    if (action.event == WsEvent::kClose) write_ws_close_frame(out.data(), action.code, "bye");
    if (action.event == WsEvent::kPing) {
      write_ws_frame_head(out.data(), Opcode::kPong, payload.size());
    }
    events += action.event != WsEvent::kFail;
    stream = stream.subspan(step.consumed);
  }
  return events;
}

TEST(WsAllocation, CounterCounts) {
  const std::size_t before = test::allocations();
  const Bytes some(10);
  EXPECT_GT(test::allocations(), before);
}

TEST(WsAllocation, FramesAndMessagesTakeNothing) {
  const WsMaskKey key = {1, 2, 3, 4};
  Bytes stream;
  append_client_frame(stream, Opcode::kText, false, as_bytes("one \xe2\x82\xac \xe2"), key);
  append_client_frame(stream, Opcode::kPing, true, as_bytes("are you there?"), key);
  append_client_frame(stream, Opcode::kContinuation, true, as_bytes("\x82\xac and more"), key);
  append_client_frame(stream, Opcode::kText, true, as_bytes("\xe2\x82\xac, whole"), key);
  append_client_frame(stream, Opcode::kBinary, true, Bytes(300), key);
  append_client_frame(stream, Opcode::kClose, true, as_bytes("\x03\xe8why not"), key);
  Bytes copy = stream;
  Bytes out(kMaxWsCloseFrameBytes);
  ASSERT_EQ(read_and_answer(copy, out), 6U);  // picks simdjson's code
  const std::size_t before = test::allocations();
  std::size_t events = 0;
  for (int i = 0; i < 1'000; ++i) {
    std::ranges::copy(stream, copy.begin());
    events += read_and_answer(copy, out);
  }
  EXPECT_EQ(test::allocations(), before);
  EXPECT_EQ(events, 6'000U);
}

}  // namespace
}  // namespace ringgate
