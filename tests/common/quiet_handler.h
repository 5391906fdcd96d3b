// A handler that does nothing with connections: for tests of what shards do besides.
#pragma once

#include "dataplane/handler.h"

namespace ringgate {

class QuietHandler : public Handler {
 public:
  void on_accept(Connection&) override {}
  void on_adopt(Connection&, const AdoptedFor&) override {}
  void on_packet(Connection&, ByteView) override {}
  void on_close(Connection&, CloseReason) override {}
  void on_deadline(Connection&) override {}
};

}  // namespace ringgate
