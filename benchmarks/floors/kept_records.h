// Records of TLS 1.3 with a context of OpenSSL for each direction of each connection, keyed once:
// what a gateway that keys a shared one for each record is measured against. It repeats what
// codec/tls does, without its checks: no key updates, no padding, no alerts.
//
// Part of a connection of a floor, on its shard's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "codec/bytes.h"
#include "codec/tls/key_schedule.h"
#include "codec/tls/suite.h"

struct evp_cipher_ctx_st;

namespace ringgate::bench {

inline constexpr std::size_t kTlsHeadBytes = 5;
inline constexpr std::size_t kTlsOverheadBytes = kTlsHeadBytes + 1 + tls::kTagBytes;

class KeptContext {
 public:
  KeptContext() = default;  // to be assigned to
  // Nothing: OpenSSL failed.
  [[nodiscard]] static std::optional<KeptContext> create(tls::KeySchedule& schedule,
                                                         tls::Suite suite, ByteView secret,
                                                         bool sealing);

  // Of a whole record, in place. False: it was not sealed by the peer, or it is no data.
  [[nodiscard]] bool open(MutableBytes record) noexcept;
  // Of kTlsOverheadBytes and the text, which lies behind the head.
  [[nodiscard]] bool seal(MutableBytes record) noexcept;

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const noexcept;
  };
  [[nodiscard]] bool begin(ByteView head) noexcept;

  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
  std::array<std::uint8_t, tls::kIvBytes> iv_{};
  std::uint64_t sequence_ = 0;
};

}  // namespace ringgate::bench
