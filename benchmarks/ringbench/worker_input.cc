// Worker: bytes in, and what they mean.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>

#include "benchmarks/ringbench/push_body.h"
#include "benchmarks/ringbench/worker.h"
#include "codec/pkt.pb.h"
#include "codec/retry_hint.h"
#include "codec/tls/alert.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kMaxControlBytes = 125;

// What a push says of itself.
struct Delivery {
  PushStamp stamp;
  std::optional<std::uint32_t> receiver;  // of a talk
};

// The text that was pushed: of a talk in its MessagePush, of ringbench's own service as it is.
std::optional<Delivery> read_delivery(ByteView body) {
  if (const auto stamp = read_push_stamp(body)) return Delivery{*stamp, std::nullopt};
  thread_local pkt::MessagePush push;
  if (!push.ParseFromArray(body.data(), static_cast<int>(body.size()))) return std::nullopt;
  const ByteView text = as_bytes(push.body());
  const auto stamp = read_push_stamp(text);
  const auto receiver = read_talk_receiver(text);
  if (!stamp || !receiver) return std::nullopt;
  return Delivery{*stamp, receiver};
}

bool is_echo(const Incoming& answer, const MixStep& step) {
  return answer.body.size() >= step.body_min_bytes && answer.body.size() <= step.body_max_bytes &&
         is_echo_body(answer.body, answer.sequence);
}

}  // namespace

void Worker::on_recv(std::uint32_t index, const io_uring_cqe& cqe) {
  Client& client = clients_[index];
  const bool more = (cqe.flags & IORING_CQE_F_MORE) != 0;
  if (!more) client.receiving = false;
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const MutableBytes bytes = ring_.take_received(cqe);
    if (connected(client) && client.state != ClientState::kClosing) on_sealed(index, bytes);
  }
  if (more) return;
  if (!connected(client)) return try_close(index);
  if (cqe.res == -ENOBUFS || cqe.res > 0) {
    client.starved = true;
    starved_.push_back(index);
    return;
  }
  if (client.state == ClientState::kClosing) return try_close(index);
  if (client.state == ClientState::kSecuring) {
    return lose(index, ErrorKind::kConnectFailed, tls_[index]->cut_off());
  }
  const int error = cqe.res == 0 && client.reset ? ECONNRESET : -cqe.res;
  lose(index, ErrorKind::kConnectionLost, error == 0 ? "end of stream" : std::strerror(error));
}

void Worker::on_data(std::uint32_t index, ByteView bytes) {
  Client& client = clients_[index];
  const bool collected = client.input.size > 0;
  if (collected) {
    if (!client.input.append(pool_, bytes)) throw std::bad_alloc();
    bytes = client.input.view();
  }
  const std::size_t used = consume(index, bytes);
  if (!connected(client)) return;
  if (collected) {
    client.input.drop_front(pool_, used);
  } else {
    if (!client.input.append(pool_, bytes.subspan(used))) throw std::bad_alloc();
  }
}

// What is whole at the front of `bytes`; the number of bytes used.
std::size_t Worker::consume(std::uint32_t index, ByteView bytes) {
  Client& client = clients_[index];
  std::size_t used = 0;
  if (client.state == ClientState::kLoggingIn && tls::begins_with_alert(bytes)) {
    lose(index, ErrorKind::kConnectFailed, "it speaks TLS; write tls:// instead of tcp://", true);
  }
  if (client.state == ClientState::kUpgrading) used = take_upgrade(index, bytes);
  while (client.state == ClientState::kLoggingIn || client.state == ClientState::kReady) {
    const Incoming incoming = reader_.next(bytes.subspan(used), index);
    if (incoming.kind == IncomingKind::kNeedMore) break;
    used += incoming.consumed;
    handle(index, incoming);
  }
  return used;
}

std::size_t Worker::take_upgrade(std::uint32_t index, ByteView bytes) {
  const UpgradeResult result = read_upgrade_answer(bytes);
  if (result.answer == UpgradeAnswer::kRefused) {
    std::string why(result.status_line);
    if (!result.body_line.empty()) why.append(": ").append(result.body_line);
    lose(index, ErrorKind::kConnectFailed, why);
  } else if (result.answer == UpgradeAnswer::kAccepted) {
    on_transport_ready(index);
  }
  return result.consumed;
}

void Worker::handle(std::uint32_t index, const Incoming& incoming) {
  switch (incoming.kind) {
    case IncomingKind::kPong:
      return on_pong(index, incoming);
    case IncomingKind::kAnswer:
      return on_answer(index, incoming);
    case IncomingKind::kPush:
      return on_push(index, incoming);
    case IncomingKind::kKickOut:
      return lose(index, ErrorKind::kKickedOut, kKickedOutText);
    case IncomingKind::kPingFrame: {
      const ByteView payload =
          incoming.body.first(std::min(incoming.body.size(), kMaxControlBytes));
      const Transport transport = options_.target.transport;
      write_control(reserve(index, control_bytes(transport, payload.size())), transport,
                    Opcode::kPong, payload);
      return;
    }
    case IncomingKind::kClose:
      return on_close_frame(index, incoming);
    case IncomingKind::kMalformed:
      return lose(index, ErrorKind::kMalformed, {});
    case IncomingKind::kOther:
      return count_error(ErrorKind::kUnexpected);
    case IncomingKind::kNeedMore:
    case IncomingKind::kPart:
      return;
  }
}

void Worker::on_close_frame(std::uint32_t index, const Incoming& close) {
  constexpr std::size_t kWsCodeBytes = 2;
  const std::size_t head = options_.target.transport == Transport::kWebSocket ? kWsCodeBytes : 0;
  const ByteView reason = close.body.subspan(std::min(head, close.body.size()));
  const std::optional<RetryHint> hint = parse_retry_hint(as_text(reason));
  if (hint && options_.scenario != Scenario::kLogin && connected(clients_[index])) {
    come_again_ns_[index] = std::uint64_t{hint->in_ms} * kMillisecondNs;
  }
  lose(index, ErrorKind::kConnectionLost, reason.empty() ? "a close frame" : as_text(reason));
}

// A pong tells nothing of the ping that it answers, but it answers none that has not left yet.
void Worker::on_pong(std::uint32_t index, const Incoming& pong) {
  Pending message;
  const auto has_left = [this](const Pending& one) {
    return one.action == Action::kPing && one.sequence != turn_;
  };
  if (!pending_.take(clients_[index].pending, message, has_left)) {
    return count_error(ErrorKind::kUnaskedPong);
  }
  if (pong.body.empty()) return settle(index, message);
  settle_wrong(index, message, ErrorKind::kWrongBody, 0);
}

void Worker::on_answer(std::uint32_t index, const Incoming& answer) {
  Client& client = clients_[index];
  if (client.state == ClientState::kLoggingIn) {
    if (answer.sequence == client.sequence) return login_answered(index, answer);
    return count_error(ErrorKind::kWrongSequence);
  }
  Pending message;
  const auto asked = [&answer](const Pending& one) {
    return one.action != Action::kPing && one.sequence == answer.sequence;
  };
  if (!pending_.take(client.pending, message, asked)) {
    return count_error(ErrorKind::kWrongSequence);
  }
  if (answer.status != static_cast<std::uint32_t>(Status::kSuccess)) {
    return settle_wrong(index, message, ErrorKind::kStatus, answer.status);
  }
  const bool echo = message.action == Action::kForward && echoes_;
  if (!echo || is_echo(answer, steps_[message.mix_step])) return settle(index, message);
  settle_wrong(index, message, ErrorKind::kWrongBody, 0);
}

// Answered as it should be.
void Worker::settle(std::uint32_t index, const Pending& message) {
  --messages_pending_;
  if (message.mix_step == kKeepAliveStep) return;
  if (state_.in_window(now_ns_)) clients_[index].heard = true;
  count_answer(message.action, message.counted, message.intended_ns);
  after_answer(index, message);
}

// Answered, but with another status than Success, or wrongly.
void Worker::settle_wrong(std::uint32_t index, const Pending& message, ErrorKind kind,
                          std::uint32_t status) {
  --messages_pending_;
  count_error(kind, status);
  if (message.mix_step == kKeepAliveStep) return;
  if (state_.in_window(now_ns_)) clients_[index].heard = true;
  refuse(message);
  after_answer(index, message);
}

// What was refused is not delivered.
void Worker::refuse(const Pending& message) {
  const bool talk = message.action == Action::kTalk;
  tally_.last_answer_ns = now_ns_;
  if (talk) --deliveries_pending_;
  if (talk) --tally_.deliveries_asked;
  if (state_.in_window(now_ns_)) ++tally_.of(message.action).refused_in_window;
  if (!message.counted) return;
  ++tally_.of(message.action).failed;
  if (talk) --tally_.of(Action::kDelivery).due;
}

// Its connection has ended. Its delivery may come all the same, and is not waited for.
void Worker::lose_message(const Pending& message) {
  --messages_pending_;
  if (message.action == Action::kTalk) --deliveries_pending_;
  if (message.mix_step != kKeepAliveStep) count_error(ErrorKind::kUnanswered);
  if (message.counted) never_answered(message.action, message.intended_ns);
}

// Of the window.
void Worker::never_answered(Action action, std::uint64_t due_ns) {
  ++tally_.of(action).failed;
  // A connect may begin later than its login was due: then it has waited for no time of the window.
  if (due_ns >= state_.window_end_ns.load(std::memory_order_relaxed)) {
    return tally_.of(action).times.unanswered.record(0);
  }
  never_.add(action, due_ns - state_.window_begin_ns.load(std::memory_order_relaxed));
}

// Of a talk, or of ringbench's own service. What has not come when the run ends has failed.
void Worker::on_push(std::uint32_t index, const Incoming& push) {
  const auto delivery = read_delivery(push.body);
  if (!delivery) return count_error(ErrorKind::kUnexpected);
  // Whom it was for still waits for it.
  const std::uint32_t self = share_.first_client + index;
  const bool ours = delivery->receiver || options_.scenario != Scenario::kPush
                        ? delivery->receiver.value_or(self) == self
                        : push.sequence == push_sequence(self / options_.service.fanout);
  if (!ours) return count_error(ErrorKind::kMisdelivered);
  Client& client = clients_[index];
  const auto [sent_ns, number] = delivery->stamp;
  const bool again = number + 1 == client.next_number;
  if (!again) ++tally_.deliveries_come;
  if (!again && options_.scenario == Scenario::kPush) ++pushes_received_;
  if (!again && options_.scenario != Scenario::kPush) --deliveries_pending_;
  const bool counted = state_.in_window(sent_ns);
  if (number < client.next_number) {
    if (!again && counted) ++tally_.overtaken;
    return count_error(ErrorKind::kOutOfOrder);
  }
  client.next_number = number + 1;
  count_answer(Action::kDelivery, counted, sent_ns);
}

void Worker::count_error(ErrorKind kind, std::uint32_t status) {
  ++errors_;
  ++tally_.errors[static_cast<std::size_t>(kind)];
  if (kind == ErrorKind::kStatus) {
    ++tally_.statuses[std::min<std::size_t>(status, Tally::kStatuses - 1)];
  }
  if (Interval* const interval = interval_now()) ++interval->errors;
}

// With Success. `counted`: it was due in the window.
void Worker::count_answer(Action action, bool counted, std::uint64_t since_ns) {
  const std::uint64_t took_ns = now_ns_ > since_ns ? now_ns_ - since_ns : 0;
  const bool in_window = state_.in_window(now_ns_);
  ActionTally& tally = tally_.of(action);
  if (counted) {
    ++tally.answered;
    tally.times.answered.record(took_ns);
    if (!in_window) ++tally.late;
  }
  if (in_window) ++tally.in_window;
  const bool main = is_main(action, options_.scenario);
  if (main) ++answered_;
  if (main) tally_.last_answer_ns = now_ns_;
  Interval* const interval = interval_now();
  if (interval == nullptr) return;
  if (action == Action::kDelivery && !main) ++interval->delivered;
  if (!main) return;
  ++interval->answered;
  interval->times.record(took_ns);
}

// The stretch of the window that is now; null before and after it.
Interval* Worker::interval_now() noexcept {
  if (!state_.in_window(now_ns_)) return nullptr;
  const std::uint64_t begin = state_.window_begin_ns.load(std::memory_order_relaxed);
  const std::uint64_t interval_ns =
      static_cast<std::uint64_t>(options_.interval_ms()) * kMillisecondNs;
  const std::uint64_t index = (now_ns_ - begin) / interval_ns;
  return index < tally_.timeline.size() ? &tally_.timeline[index] : nullptr;
}

}  // namespace ringgate::bench
