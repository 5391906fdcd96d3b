#include "tests/codec/ws_stream.h"

#include <algorithm>

namespace ringgate {
namespace {

class Reader {
 public:
  Reader(const WsStreamLimits& limits, WsTranscript& transcript)
      : limits_(limits), transcript_(transcript) {}

  bool open() const { return open_; }

  // Takes whole frames off the front and returns how many bytes they were.
  std::size_t take(MutableBytes input) {
    std::size_t taken = 0;
    while (open_) {
      const MutableBytes rest = input.subspan(taken);
      const WsFrameStep step = next_ws_frame(rest, rules());
      if (step.status == WsFrameStatus::kNeedMore) {
        check_need(step, rest.size());
        if (!message_.can_go_on(step.head, rest)) fail(WsCloseCode::kInvalidPayload);
        return taken;
      }
      if (step.status != WsFrameStatus::kFrame) {
        fail(close_code_of(step.status));
        return taken;
      }
      const WsFrameStep again = next_ws_frame(rest.first(step.consumed), rules());
      if (again.status != WsFrameStatus::kFrame || again.consumed != step.consumed) {
        transcript_.broken_rule = "a frame depends on the bytes after it";
      }
      taken += step.consumed;
      const MutableBytes payload = rest.subspan(step.head.head_bytes, step.head.payload_bytes);
      if (limits_.from_client) unmask(payload, step.head.key);
      act(step.head, payload);
      if (!transcript_.failed) transcript_.frame_bytes += step.consumed;
    }
    return taken;
  }

 private:
  WsFrameRules rules() const {
    return message_.rules(limits_.max_message_bytes, limits_.from_client);
  }

  void check_need(const WsFrameStep& step, std::size_t there) {
    if (step.need <= there) transcript_.broken_rule = "needs no more than it has";
    const std::size_t most = std::max(limits_.max_message_bytes, kMaxWsControlPayloadBytes);
    if (step.need > kMaxWsFrameHeadBytes + most) transcript_.broken_rule = "needs more than bound";
  }

  void act(const WsFrameHead& head, ByteView payload) {
    const WsAction action = message_.take(head, payload);
    if (action.event == WsEvent::kFail) return fail(action.code);
    if (action.event != WsEvent::kData) {
      record(head.opcode, payload);
      if (action.event != WsEvent::kClose) return;
      open_ = false;
      transcript_.code = action.code;
      return;
    }
    if (action.first == in_message_) {
      transcript_.broken_rule = "goes on without a message, or begins inside of one";
    }
    in_message_ = true;
    whole_.insert(whole_.end(), payload.begin(), payload.end());
    if (whole_.size() > limits_.max_message_bytes) transcript_.broken_rule = "above the bound";
    if (!action.last) return;
    record(action.text ? Opcode::kText : Opcode::kBinary, whole_);
    whole_.clear();
    in_message_ = false;
  }

  void record(Opcode opcode, ByteView payload) {
    transcript_.records.push_back({opcode, Bytes(payload.begin(), payload.end())});
  }

  void fail(WsCloseCode code) {
    open_ = false;
    transcript_.failed = true;
    transcript_.code = code;
  }

  const WsStreamLimits& limits_;
  WsTranscript& transcript_;
  WsMessage message_;
  Bytes whole_;
  bool in_message_ = false;
  bool open_ = true;
};

}  // namespace

bool WsTranscript::operator==(const WsTranscript& other) const {
  return records == other.records && failed == other.failed && code == other.code &&
         frame_bytes == other.frame_bytes && broken_rule == other.broken_rule;
}

WsTranscript read_ws_stream(ByteView stream, const WsStreamLimits& limits,
                            const std::function<std::size_t()>& next_chunk) {
  WsTranscript transcript;
  Reader reader(limits, transcript);
  Bytes carry;
  while (!stream.empty() && reader.open()) {
    const std::size_t size = std::clamp<std::size_t>(next_chunk(), 1, stream.size());
    // A copy of its own: what is read beyond it is a sanitizer's finding.
    Bytes input(carry.size() + size);
    std::ranges::copy(carry, input.begin());
    std::ranges::copy(stream.first(size),
                      input.begin() + static_cast<std::ptrdiff_t>(carry.size()));
    stream = stream.subspan(size);
    transcript.decided_at += size;
    const std::size_t taken = reader.take(input);
    carry.assign(input.begin() + static_cast<std::ptrdiff_t>(taken), input.end());
  }
  return transcript;
}

WsTranscript read_ws_stream(ByteView stream, const WsStreamLimits& limits) {
  return read_ws_stream(stream, limits, [&stream] { return stream.size(); });
}

void append_client_frame(Bytes& stream, Opcode opcode, bool fin, ByteView payload, WsMaskKey key) {
  std::array<std::uint8_t, kMaxWsFrameHeadBytes> head;
  std::uint8_t* const end = write_ws_client_head(head.data(), opcode, payload.size(), key);
  if (!fin) head[0] &= 0x7f;
  stream.insert(stream.end(), head.data(), end);
  const std::size_t at = stream.size();
  stream.insert(stream.end(), payload.begin(), payload.end());
  unmask_scalar(MutableBytes(stream).subspan(at), key, 0);
}

void append_server_frame(Bytes& stream, Opcode opcode, bool fin, ByteView payload) {
  std::array<std::uint8_t, kMaxWsFrameHeadBytes> head;
  std::uint8_t* const end = write_ws_frame_head(head.data(), opcode, payload.size());
  if (!fin) head[0] &= 0x7f;
  stream.insert(stream.end(), head.data(), end);
  stream.insert(stream.end(), payload.begin(), payload.end());
}

}  // namespace ringgate
