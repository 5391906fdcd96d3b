#include "services/gateway/parts/drain.h"

namespace ringgate {

void Drain::begin(const DrainMail& mail) {
  context_.draining = true;
  pace_ = mail;
  context_.shard.stop_accepting();
}

void Drain::on_tick() {
  if (!context_.draining) return;
  close_some();
  if (reported_ || !is_done()) return;
  reported_ = true;
  context_.shard.mail_surely(context_.shard.control(), kMailDrained, {});
}

// Tells clients at the configured pace; each connection's end then forwards its sign-out.
void Drain::close_some() {
  pace_.credit_millionths += pace_.thousandths_per_second * context_.shard.options().sweep_ms;
  std::uint64_t left = pace_.credit_millionths / kDrainCredit;
  pace_.credit_millionths %= kDrainCredit;
  ConnectionTable& table = context_.shard.table();
  for (std::uint32_t slot = 0; slot < table.client_high_water() && left > 0; ++slot) {
    Connection* const connection = table.at(slot);
    if (connection == nullptr || !connection->open()) continue;
    context_.shard.finish(*connection, CloseReason::kDraining);
    --left;
  }
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
