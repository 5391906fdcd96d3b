// TLS of ringbench's connections: OpenSSL shakes hands; of TLS 1.3 the records are codec/tls's
// then, as a gateway's are, so that a client costs little memory. Of 1.2 OpenSSL's object stays.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "benchmarks/ringbench/options.h"
#include "codec/tls/records.h"
#include "control/tls/client_stream.h"
#include "dataplane/connection.h"
#include "dataplane/send_queue.h"

namespace ringgate::bench {

// Where a connection is refused, and none was taken before.
inline constexpr const char* kNobodyOverTlsText =
    "nothing listens there: start the target (`ringgate dev` needs --tls for this) or mend "
    "--target";

// What a run's connections begin with. Immutable while workers run.
struct TlsStart {
  tls::ContextPtr context;  // null: the target is spoken to without TLS
  Endpoint server;          // whom certificates have to be for
  std::string session;      // that all of them go on from; empty: full handshakes
};

// Reads the files. Errors are those of usage.
[[nodiscard]] Result<TlsStart> make_tls_start(const Options& options);
// Connects once, for a session that the others may go on from. Blocks for some seconds at most.
[[nodiscard]] Result<std::string> fetch_session(const TlsStart& start, const Options& options);

// Of one connection; its worker's thread. `pool` is that of the worker.
class ClientTls {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ClientTls>> begin(const TlsStart& start,
                                                                std::uint64_t now_ns);

  // What was sealed and goes to the socket.
  [[nodiscard]] SendQueue& wire() noexcept { return wire_; }
  void clear(BlockPool& pool) noexcept;

  // Goes on with the handshake; true once it is done.
  [[nodiscard]] Result<bool> shake_hands(BlockPool& pool, tls::Cipher& cipher, ByteView received);
  [[nodiscard]] bool is_resumed() const noexcept { return resumed_; }
  [[nodiscard]] std::uint64_t began_ns() const noexcept { return began_ns_; }
  // When the connection ends while it shakes hands.
  [[nodiscard]] std::string cut_off() const;

  // After the handshake. The next piece of what came, which stays valid until the next call; empty:
  // there is none. `received` is looked at in place, and what is left of it is kept: then it is
  // empty. An error is why the connection ends.
  [[nodiscard]] Result<ByteView> open(BlockPool& pool, tls::Cipher& cipher, MutableBytes& received);
  // Of what is queued, all of it. False: OpenSSL failed.
  [[nodiscard]] bool seal(BlockPool& pool, tls::Cipher& cipher, SendQueue& plain);

 private:
  using Stream = std::unique_ptr<tls::ClientStream>;
  ClientTls(Stream stream, std::uint64_t now_ns) : layer_(std::move(stream)), began_ns_(now_ns) {}
  void take_output(BlockPool& pool, tls::ClientStream& stream);
  [[nodiscard]] Result<void> take_over(BlockPool& pool, tls::Cipher& cipher);
  [[nodiscard]] Result<ByteView> open_record(BlockPool& pool, tls::Cipher& cipher,
                                             tls::Records& records, MutableBytes& received);
  [[nodiscard]] Result<ByteView> open_by_openssl(BlockPool& pool, tls::ClientStream& stream,
                                                 MutableBytes& received);

  std::variant<Stream, tls::Records> layer_;
  SendQueue wire_;
  Carry sealed_;              // has come, and is no whole record
  std::uint32_t opened_ = 0;  // of the front of sealed_: done with at the next call
  std::uint64_t began_ns_ = 0;
  bool resumed_ = false;
};

}  // namespace ringgate::bench
