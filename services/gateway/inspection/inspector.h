// What operators ask of a shard: its links and its channels, what the flight recorder has of them,
// and to kick some of them out. Rare, so it may search the table and allocate.
//
// One per shard, on its thread.
#pragma once

#include <cstdint>

#include "services/gateway/mail.h"
#include "services/gateway/parts/context.h"

namespace ringgate {

struct Channel;

class Inspector {
 public:
  explicit Inspector(GatewayContext& context) : context_(context) {}

  // kMailInspect; answers control with kMailInspected.
  void inspect(const InspectMail& mail);

 private:
  void report_links(std::uint32_t question);
  void report_channels(const InspectMail& mail);
  void report_heaviest(std::uint32_t question);
  void report_channel(const InspectMail& mail);
  void report_list(const InspectMail& mail);
  void report_closes(const InspectMail& mail);
  void report_trace(const InspectMail& mail, const Traces::Trace* trace);
  void kick(Connection& connection, Channel& channel);
  [[nodiscard]] std::uint64_t steady_now_ms();

  GatewayContext& context_;
  std::int64_t ahead_ms_ = INT64_MIN / 2;  // of the shard's clock; none yet
};

}  // namespace ringgate
