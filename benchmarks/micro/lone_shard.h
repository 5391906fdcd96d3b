// A shard by itself over the instant ring, with all of its places taken by connections.
//
// One thread. The shard's options and time are the caller's.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "dataplane/shard.h"

namespace ringgate::bench {

// Of a protocol that is never asked anything.
class NoHandler final : public Handler {
  void on_start(Shard&) override {}
  void on_accept(Connection&) override {}
  void on_adopt(Connection&, const AdoptedFor&) override {}
  void on_packet(Connection&, ByteView) override { std::abort(); }
  void on_close(Connection&, CloseReason) override { std::abort(); }
  void on_deadline(Connection&) override {}
  void on_mail(std::uint32_t, MailKind, ByteView) override {}
  void on_tick() override {}
};

class LoneShard {
 public:
  LoneShard(const ShardOptions& options, Transport transport)
      : board_(std::move(*Switchboard::create(1, 0, 64 * 1024))),
        listener_{std::move(*ListenerSet::open({"127.0.0.1", 0}, 1, false)), transport, {}},
        shard_(options, *board_, handler_) {
    if (!shard_.start(AcceptMode::kDirect, {&listener_, 1})) std::abort();
    while (shard_.table().clients() < options.max_clients) shard_.iterate(0);
  }

  [[nodiscard]] Shard& shard() noexcept { return shard_; }

 private:
  NoHandler handler_;
  std::unique_ptr<Switchboard> board_;
  Listener listener_;
  Shard shard_;
};

}  // namespace ringgate::bench
