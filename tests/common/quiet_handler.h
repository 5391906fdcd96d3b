// A handler that does nothing, until a test overrides what it is about.
#pragma once

#include "dataplane/handler.h"

namespace ringgate {

class QuietHandler : public Handler {
 public:
  void on_start(Shard&) override {}
  void on_accept(Connection&) override {}
  void on_adopt(Connection&, const AdoptedFor&) override {}
  void on_packet(Connection&, ByteView) override {}
  void on_close(Connection&, CloseReason) override {}
  void on_deadline(Connection&) override {}
  void on_mail(std::uint32_t, MailKind, ByteView) override {}
  void on_tick() override {}
};

}  // namespace ringgate
