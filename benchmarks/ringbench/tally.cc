#include "benchmarks/ringbench/tally.h"

#include <algorithm>
#include <numeric>

namespace ringgate::bench {

std::string_view name_of(Action action) noexcept {
  switch (action) {
    case Action::kPing:
      return "ping";
    case Action::kForward:
      return "forward";
    case Action::kTalk:
      return "talk";
    case Action::kDelivery:
      return "delivery";
    case Action::kConnect:
      return "connect";
    case Action::kLogin:
      return "login";
    case Action::kCycle:
      return "cycle";
  }
  return "?";
}

std::string_view name_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::kStatus:
      return "status";
    case ErrorKind::kWrongSequence:
      return "wrong_sequence";
    case ErrorKind::kUnexpected:
      return "unexpected";
    case ErrorKind::kMalformed:
      return "malformed";
    case ErrorKind::kOutOfOrder:
      return "out_of_order";
    case ErrorKind::kKickedOut:
      return "kicked_out";
    case ErrorKind::kConnectFailed:
      return "connect_failed";
    case ErrorKind::kLoginFailed:
      return "login_failed";
    case ErrorKind::kConnectionLost:
      return "connection_lost";
    case ErrorKind::kUnanswered:
      return "unanswered";
    case ErrorKind::kNoConnection:
      return "no_connection";
    case ErrorKind::kNotSent:
      return "not_sent";
    case ErrorKind::kOwnLimit:
      return "own_limit";
    case ErrorKind::kNotDelivered:
      return "not_delivered";
    case ErrorKind::kMisdelivered:
      return "misdelivered";
    case ErrorKind::kNotClosed:
      return "not_closed";
    case ErrorKind::kUnaskedPong:
      return "unasked_pong";
    case ErrorKind::kWrongBody:
      return "wrong_body";
  }
  return "?";
}

std::string_view name_of(Unsent reason) noexcept {
  switch (reason) {
    case Unsent::kBehind:
      return "behind";
    case Unsent::kBusy:
      return "busy";
    case Unsent::kOutstanding:
      return "outstanding";
    case Unsent::kNoRoom:
      return "no_room";
    case Unsent::kNoConnection:
      return "no_connection";
  }
  return "?";
}

std::uint64_t Tally::all_errors() const noexcept {
  return std::accumulate(errors.begin(), errors.end(), std::uint64_t{0});
}

void Tally::merge(const Tally& other) {
  for (std::size_t action = 0; action < kActions; ++action) {
    actions[action].due += other.actions[action].due;
    actions[action].unsent += other.actions[action].unsent;
    actions[action].answered += other.actions[action].answered;
    actions[action].late += other.actions[action].late;
    actions[action].in_window += other.actions[action].in_window;
    actions[action].refused_in_window += other.actions[action].refused_in_window;
    actions[action].failed += other.actions[action].failed;
    actions[action].times.merge(other.actions[action].times);
  }
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) errors[kind] += other.errors[kind];
  for (std::size_t status = 0; status < kStatuses; ++status) {
    statuses[status] += other.statuses[status];
  }
  lag.merge(other.lag);
  connection_waits.merge(other.connection_waits);
  timeline.resize(std::max(timeline.size(), other.timeline.size()));
  for (std::size_t at = 0; at < other.timeline.size(); ++at) {
    timeline[at].answered += other.timeline[at].answered;
    timeline[at].delivered += other.timeline[at].delivered;
    timeline[at].errors += other.timeline[at].errors;
    timeline[at].times.merge(other.timeline[at].times);
  }
  connects += other.connects;
  logins += other.logins;
  handshakes.merge(other.handshakes);
  resumed += other.resumed;
  came_again += other.came_again;
  retries += other.retries;
  deliveries_asked += other.deliveries_asked;
  deliveries_come += other.deliveries_come;
  lost_packets += other.lost_packets;
  overtaken += other.overtaken;
  for (std::size_t why = 0; why < kUnsentReasons; ++why) never_left[why] += other.never_left[why];
  behind_late += other.behind_late;
  busy_late += other.busy_late;
  held_back += other.held_back;
  silent += other.silent;
  last_answer_ns = std::max(last_answer_ns, other.last_answer_ns);
  if (first_loss.empty()) first_loss = other.first_loss;
  if (first_login_failure.empty()) first_login_failure = other.first_login_failure;
}

void Tally::settle_deliveries(std::uint64_t waited_ns) {
  ActionTally& deliveries = of(Action::kDelivery);
  const std::uint64_t unsent = deliveries.failed;  // an error of its own already
  // A target that pushes by itself: what it has sent and did not come, nobody here knows.
  if (deliveries.due == 0) deliveries.due = deliveries.answered;
  deliveries.failed = deliveries.due - std::min(deliveries.due, deliveries.answered);
  lost_packets = deliveries.failed - std::min(deliveries.failed, unsent + overtaken);
  const std::uint64_t lost = deliveries_asked - std::min(deliveries_asked, deliveries_come);
  errors[static_cast<std::size_t>(ErrorKind::kNotDelivered)] += std::max(lost, lost_packets);
  deliveries.times.unanswered.record(waited_ns, deliveries.failed);
}

}  // namespace ringgate::bench
