// So many clients of a shard are told to go, at a pace: the newest, or those that have been silent
// for longest. Whoever has a request under way goes with its answer; who has not logged in stays.
//
// One per shard, on its thread. It may search the table and allocate, once for each batch.
#pragma once

#include <cstdint>
#include <vector>

#include "services/gateway/mail.h"
#include "services/gateway/parts/context.h"

namespace ringgate {

class Evacuation {
 public:
  explicit Evacuation(GatewayContext& context) : context_(context) {}

  // kMailEvacuate. One that is under way ends with it, also if it is of nobody.
  void begin(const EvacuateMail& mail);
  void on_tick();

 private:
  struct Candidate {
    std::uint64_t key = 0;  // the greatest goes first
    ConnectionHandle client;
  };

  void choose();
  [[nodiscard]] std::uint64_t key_of(const Connection& connection, const Channel& channel) const;
  void end();
  void report(bool has_ended);

  GatewayContext& context_;
  EvacuateMail order_{};
  std::uint32_t told_ = 0;
  std::uint32_t reported_ = 0;  // of those, control knows
  std::uint64_t credit_millionths_ = 0;
  std::vector<Candidate> next_;  // the first to go is the last
  bool active_ = false;
};

}  // namespace ringgate
