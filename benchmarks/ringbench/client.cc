#include "benchmarks/ringbench/client.h"

#include <algorithm>
#include <limits>

#include "codec/packet.h"
#include "codec/rewrite.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kMaxHeaderBytes = 65'536;
constexpr std::uint32_t kMaxMetas = 1024;
constexpr std::string_view kSignIn = "login.signin";

OutgoingHeader request(std::string_view command, std::uint32_t sequence) noexcept {
  OutgoingHeader header;
  header.command = command;
  header.sequence = sequence;
  return header;
}

}  // namespace

std::string_view name_of(ErrorKind kind) noexcept {
  constexpr std::array<std::string_view, kErrorKinds> kNames = {
      "status",     "wrong_sequence",  "unexpected", "malformed",
      "kicked_out", "connection_lost", "unanswered"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::size_t Client::message_room(const Workload& workload) {
  if (workload.mode == Mode::kPing) return kTcpPing.size();
  const auto longest = request(workload.command, std::numeric_limits<std::uint32_t>::max());
  return framed_packet_bytes(longest, workload.body.size());
}

std::size_t Client::login_room(std::size_t login_body_bytes) {
  return framed_packet_bytes(request(kSignIn, 1), login_body_bytes);
}

ByteView Client::write_login(ByteView login_body) noexcept {
  sequence_ = 1;
  expects_pong_ = false;
  std::uint8_t* end = write_framed_packet(out_.data(), request(kSignIn, sequence_), login_body);
  return {out_.data(), end};
}

ByteView Client::write_message(const Workload& workload) noexcept {
  if (workload.mode == Mode::kPing) {
    expects_pong_ = true;
    return kTcpPing;
  }
  expects_pong_ = false;
  ++sequence_;
  std::uint8_t* end =
      write_framed_packet(out_.data(), request(workload.command, sequence_), workload.body);
  return {out_.data(), end};
}

Verdict Client::judge(const Frame& frame) const noexcept {
  if (frame.opcode != Opcode::kBinary) return {.error = ErrorKind::kUnexpected};
  const Packet packet = parse_packet(frame.payload, kMaxHeaderBytes);
  if (packet.status == PacketStatus::kBasic) {
    const bool pong = packet.code == kBasicPong && is_waiting() && expects_pong_;
    return {.answered = pong, .settled = pong};
  }
  if (packet.status != PacketStatus::kLogic) return {.error = ErrorKind::kMalformed};
  HeaderScan scan;
  if (scan_header(packet.header, kMaxMetas, scan) != ScanStatus::kCanonical) {
    return {.error = ErrorKind::kMalformed};
  }
  return judge_answer(scan);
}

Verdict Client::judge_answer(const HeaderScan& scan) const noexcept {
  if (scan.flag != static_cast<std::uint32_t>(Flag::kResponse)) {
    const bool kicked =
        scan.flag == static_cast<std::uint32_t>(Flag::kPush) && scan.command == kSignIn;
    return {.error = kicked ? ErrorKind::kKickedOut : ErrorKind::kUnexpected};
  }
  if (!is_waiting() || expects_pong_ || scan.sequence != sequence_) {
    return {.error = ErrorKind::kWrongSequence};
  }
  if (scan.status != static_cast<std::uint32_t>(Status::kSuccess)) {
    return {.settled = true, .error = ErrorKind::kStatus, .status = scan.status};
  }
  return {.answered = true, .settled = true};
}

void Client::keep(ByteView rest) {
  if (rest.empty()) {
    partial_.clear();
    return;
  }
  // `rest` may be a part of partial_ itself.
  if (partial_.empty()) {
    partial_.assign(rest.begin(), rest.end());
  } else {
    partial_.erase(partial_.begin(), partial_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  }
}

}  // namespace ringgate::bench
