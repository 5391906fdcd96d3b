// Handshakes of TLS 1.3 by OpenSSL, as a floor needs them: blocking, without tickets, with a
// certificate that is made at start and that nobody can check.
//
// Belongs to a shard, and is used on its thread.
#pragma once

#include <memory>
#include <optional>

#include "benchmarks/floors/kept_records.h"
#include "codec/error.h"
#include "codec/tls/key_schedule.h"

struct ssl_ctx_st;

namespace ringgate::bench {

struct KeptRecords {
  KeptContext in;
  KeptContext out;
};

class TlsHandshakes {
 public:
  // The error is a sentence: OpenSSL cannot make a key.
  [[nodiscard]] static Result<TlsHandshakes> create();

  // On a blocking socket; what follows the handshake stays in it. Nothing: the peer does not speak
  // TLS 1.3, or has taken more than kPatienceSeconds over one of its messages.
  [[nodiscard]] std::optional<KeptRecords> shake_hands(int socket);

  static constexpr int kPatienceSeconds = 5;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const noexcept;
  };
  using Context = std::unique_ptr<ssl_ctx_st, Free>;
  TlsHandshakes(tls::KeySchedule schedule, Context context) noexcept
      : schedule_(std::move(schedule)), context_(std::move(context)) {}

  tls::KeySchedule schedule_;
  Context context_;
};

}  // namespace ringgate::bench
