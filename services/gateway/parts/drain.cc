#include "services/gateway/parts/drain.h"

#include <algorithm>

namespace ringgate {
namespace {

// Whoever has connected and not said anything is given so long.
constexpr std::uint32_t kLoginGraceMs = 1000;

}  // namespace

void Drain::begin(const DrainMail& mail) {
  context_.draining = true;
  pace_ = mail;
  begun_ms_ = context_.shard.now_ms();
  context_.farewells.begin(mail.farewell, CloseReason::kDraining);
  context_.shard.stop_accepting();
}

void Drain::on_tick() {
  if (!context_.draining) return;
  if (!closed_ && !context_.shard.may_accept()) {
    closed_ = true;
    context_.shard.mail_surely(context_.shard.control(), kMailNotAccepting, {});
  }
  if (pace_.spread_ms > 0) close_some();
  if (reported_ || !is_done()) return;
  reported_ = true;
  context_.shard.mail_surely(context_.shard.control(), kMailDrained, {});
}

// Tells clients at the pace; each connection's end then forwards its sign-out. It goes round, since
// some are passed over for a while.
void Drain::close_some() {
  std::uint64_t left = how_many();
  ConnectionTable& table = context_.shard.table();
  const std::uint32_t slots = table.client_high_water();
  for (std::uint32_t seen = 0; seen < slots && left > 0; ++seen) {
    if (next_slot_ >= slots) next_slot_ = 0;
    Connection* const connection = table.at(next_slot_++);
    if (connection == nullptr || !connection->open()) continue;
    if (context_.farewells.ask(*connection, patience())) --left;
  }
}

std::uint64_t Drain::how_many() {
  const std::uint32_t sweep_ms = context_.shard.options().sweep_ms;
  const bool is_late = elapsed_ms() >= pace_.spread_ms;
  const std::uint32_t end_ms = is_late ? pace_.spread_ms + pace_.spread_ms / 5 : pace_.spread_ms;
  const std::uint32_t left_ms = std::max(end_ms - std::min(elapsed_ms(), end_ms), sweep_ms);
  std::uint64_t open = 0;
  context_.shard.table().for_each_client(
      [&open](const Connection& client) { open += client.open() ? 1U : 0U; });
  const std::uint64_t needed = open * kDrainCredit * sweep_ms / left_ms;
  pace_.credit_millionths += std::max(pace_.thousandths_per_second * sweep_ms, needed);
  const std::uint64_t whole = pace_.credit_millionths / kDrainCredit;
  pace_.credit_millionths %= kDrainCredit;
  return whole;
}

Farewells::Patience Drain::patience() const {
  if (elapsed_ms() >= pace_.spread_ms) return Farewells::Patience::kNone;
  return elapsed_ms() < kLoginGraceMs ? Farewells::Patience::kAll : Farewells::Patience::kLogins;
}

std::uint32_t Drain::elapsed_ms() const {
  return context_.shard.now_ms() - begun_ms_;
}

bool Drain::is_done() {
  if (context_.shard.table().clients() > 0 || !signouts_.none_waits()) return false;
  bool busy = false;
  context_.upstreams.for_each([&busy](const Upstream& upstream) {
    busy = busy || upstream.outstanding.size() > 0 ||
           (upstream.link != nullptr && !upstream.link->output.empty());
  });
  return !busy;
}

}  // namespace ringgate
