// What a shard has of TLS beside its connections' TlsState: nothing before a listener or a link
// speaks it. Of the shard's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "codec/tls/cipher.h"
#include "dataplane/connection.h"
#include "dataplane/tls_handover.h"
#include "dataplane/tls_state.h"

namespace ringgate {

struct ShardTls {
  std::vector<TlsContext> contexts;    // of each listener
  std::vector<TlsState*> by_slot;      // of the shard's pool; null: plain
  std::deque<ConnectionHandle> steps;  // of handshakes that have begun
  std::deque<ConnectionHandle> first_steps;
  std::uint32_t begun = 0;      // handshakes that OpenSSL has an object for
  std::uint32_t under_way = 0;  // and those that wait for their first step
  std::optional<tls::Cipher> cipher;
  std::vector<std::uint8_t> session_bytes;  // what is read of TLS 1.2
};

}  // namespace ringgate
