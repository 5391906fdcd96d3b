// The AEADs of TLS 1.3's records (RFC 8446, section 5.2), by OpenSSL's EVP.
//
// A context of EVP weighs 1.2 kB, so connections have none: a shard has one for each suite and
// direction, and keys it for each record.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/tls/key_schedule.h"
#include "codec/tls/suite.h"

struct evp_cipher_ctx_st;

namespace ringgate::tls {

// Owned by its shard, and used by its thread only; movable before the thread starts. Records take
// no memory. It holds the keys that were used last until others are, or forget().
class Cipher {
 public:
  // The error is a sentence: this OpenSSL has not all of the suites.
  [[nodiscard]] static Result<Cipher> create();

  // Checks and decrypts `sealed`, ciphertext and tag (kTagBytes at least), in place: afterwards the
  // plaintext is all but the last kTagBytes. False: it is not what the peer has sealed with these
  // keys as its record of that number; `sealed` is spoilt. `head`: the record's, as received.
  [[nodiscard]] bool open(Suite suite, const TrafficKeys& keys, std::uint64_t sequence,
                          ByteView head, MutableBytes sealed) noexcept;

  // Encrypts all but the last kTagBytes of `sealed` in place, and writes the tag into those. False:
  // OpenSSL failed, and what is in `sealed` must not be sent.
  [[nodiscard]] bool seal(Suite suite, const TrafficKeys& keys, std::uint64_t sequence,
                          ByteView head, MutableBytes sealed) noexcept;
  // The same right after a seal() with these keys, which saves keying the context once more.
  [[nodiscard]] bool seal_next(Suite suite, const TrafficKeys& keys, std::uint64_t sequence,
                               ByteView head, MutableBytes sealed) noexcept;

  // Of the same thread: what key updates need.
  [[nodiscard]] KeySchedule& key_schedule() noexcept { return schedule_; }

  // Overwrites the keys that were used last.
  void forget() noexcept;

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const noexcept;
  };
  using Context = std::unique_ptr<evp_cipher_ctx_st, Free>;
  using Contexts = std::array<Context, kSuites>;
  explicit Cipher(KeySchedule schedule) noexcept : schedule_(std::move(schedule)) {}
  [[nodiscard]] static Result<Context> make(Suite suite, bool sealing);

  KeySchedule schedule_;
  Contexts opening_;
  Contexts sealing_;
};

}  // namespace ringgate::tls
