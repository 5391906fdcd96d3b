// TLS listeners of a shard over the fake kernel, and clients of them that are OpenSSL's.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/dataplane/tls_context.h"
#include "tests/dataplane/ws_fixture.h"

namespace ringgate::test {

inline std::vector<Listener> tls_listeners(const std::vector<Transport>& transports) {
  static const TlsContext context = made_tls_context();
  std::vector<Listener> listeners = open_listeners(transports);
  for (Listener& one : listeners) one.tls = context;
  return listeners;
}

inline constexpr std::size_t kTlsListener = 0;
inline constexpr std::size_t kWssListener = 1;

struct TlsShard : FakeShard {
  explicit TlsShard(std::uint64_t seed, const Faults& faults = {},
                    const ShardOptions& options = small_shard(), Handler* given = nullptr)
      : FakeShard(seed, faults, options, given,
                  tls_listeners({Transport::kTcp, Transport::kWebSocket})) {}

  [[nodiscard]] std::uint64_t count(Counter counter) const { return shard.counters().get(counter); }
  [[nodiscard]] std::uint64_t gauge(Gauge gauge) const { return shard.counters().get(gauge); }
  [[nodiscard]] std::uint64_t closed(CloseReason reason) const {
    return shard.counters().closed(reason);
  }
};

inline std::string tcp_frame(Opcode opcode, std::string_view payload) {
  std::string bytes(kTcpFrameHeadBytes, '\0');
  write_tcp_frame_head(reinterpret_cast<std::uint8_t*>(bytes.data()), opcode,
                       static_cast<std::uint32_t>(payload.size()));
  return bytes.append(payload);
}
inline const std::string kPing(as_text(kTcpPing));
inline const std::string kPong(as_text(kTcpPong));

// A client with its connection. pump() moves what each side has to say.
class TlsPeer {
 public:
  TlsPeer(TlsShard& shard, std::size_t listener_index, const TlsClient::Wish& wish = {})
      : shard_(shard), peer_(shard.connect(listener_index)), client_(wish) {}

  void pump() {
    const std::string_view all = as_text(ByteView(peer_.received));
    const std::string fresh(all.substr(read_));
    read_ = all.size();
    if (!client_.is_done()) {
      send_raw(client_.step(fresh));
      if (client_.is_done()) plain += client_.open("");
    } else if (!fresh.empty()) {
      plain += client_.open(fresh);
      send_raw(client_.take_output());
    }
  }
  // Turns the shard until it holds.
  template <class Condition>
  bool until(Condition&& condition, unsigned wait_ms = 1) {
    return shard_.turn_until(
        [&] {
          pump();
          return condition();
        },
        wait_ms);
  }
  bool shake_hands() {
    return until([&] { return client_.is_done(); });
  }
  void send(std::string_view bytes) { send_raw(client_.seal(bytes)); }
  void send_raw(std::string_view bytes) { peer_.send(as_bytes(bytes)); }
  [[nodiscard]] bool got(std::size_t bytes) {
    return until([&] { return plain.size() >= bytes; });
  }
  [[nodiscard]] bool was_told_the_end() const {
    return (SSL_get_shutdown(client_.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  // Until the connection is gone; the peer leaves when the shard has.
  bool end() {
    const bool seen = until([&] { return peer_.saw_end; });
    peer_.ended = true;
    return seen &&
           shard_.turn_until([&] { return peer_.closed && shard_.shard.table().clients() == 0; });
  }
  [[nodiscard]] FakePeer& peer() { return peer_; }
  [[nodiscard]] TlsClient& client() { return client_; }

  std::string plain;  // that the client has got

 private:
  TlsShard& shard_;
  FakePeer& peer_;
  TlsClient client_;
  std::size_t read_ = 0;
};

}  // namespace ringgate::test
