// Worker: what is between the socket and the protocol where the target speaks TLS.
#include "benchmarks/ringbench/worker.h"
#include "codec/check.h"

namespace ringgate::bench {

// The client begins, as soon as its connection is there.
void Worker::begin_tls(std::uint32_t index) {
  auto begun = ClientTls::begin(state_.tls, now_ns_);
  if (!begun) return lose(index, ErrorKind::kConnectFailed, begun.error().message, true);
  tls_[index] = std::move(*begun);
  clients_[index].state = ClientState::kSecuring;
  static_cast<void>(shake_hands(index, {}));
}

tls::Cipher& Worker::cipher() noexcept {
  RINGGATE_CHECK(cipher_.has_value());
  return *cipher_;
}

// False: it is not done, or it is over.
bool Worker::shake_hands(std::uint32_t index, ByteView bytes) {
  ClientTls& tls = *tls_[index];
  const Result<bool> done = tls.shake_hands(pool_, cipher(), bytes);
  mark_dirty(index);
  if (!done) {
    lose(index, ErrorKind::kConnectFailed, done.error().message, true);
    return false;
  }
  if (!*done) return false;
  tally_.handshakes.record(monotonic_ns() - tls.began_ns());
  if (tls.is_resumed()) ++tally_.resumed;
  begin_transport(index);
  return true;
}

void Worker::on_sealed(std::uint32_t index, MutableBytes bytes) {
  if (!options_.target.tls) return on_data(index, bytes);
  const Client& client = clients_[index];
  if (client.state == ClientState::kSecuring) {
    if (!shake_hands(index, bytes)) return;
    bytes = {};
  }
  const std::uint16_t generation = client.generation;
  while (connected(client) && client.generation == generation &&
         client.state != ClientState::kClosing) {
    const Result<ByteView> plain = tls_[index]->open(pool_, cipher(), bytes);
    if (!plain) {
      // A target of 1.3 looks at our certificate when we take the handshake for done.
      const bool refused = client.state != ClientState::kReady;
      return lose(index, refused ? ErrorKind::kConnectFailed : ErrorKind::kConnectionLost,
                  plain.error().message, refused);
    }
    if (plain->empty()) return;
    on_data(index, *plain);
  }
}

// All that is queued. False: OpenSSL failed, and the connection is lost.
bool Worker::seal(std::uint32_t index) {
  Client& client = clients_[index];
  if (!options_.target.tls || client.state == ClientState::kSecuring) return true;
  if (tls_[index]->seal(pool_, cipher(), client.output)) return true;
  lose(index, ErrorKind::kConnectionLost, "OpenSSL could not seal what was to be sent");
  return false;
}

SendQueue& Worker::wire_of(std::uint32_t index) noexcept {
  return options_.target.tls && tls_[index] != nullptr ? tls_[index]->wire()
                                                       : clients_[index].output;
}

void Worker::clear_output(std::uint32_t index) noexcept {
  wire_of(index).clear(pool_);
  clients_[index].output.clear(pool_);
}

}  // namespace ringgate::bench
