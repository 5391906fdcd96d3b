// A connection of TLS 1.3 whose handshake has been done elsewhere (control dials links), on its way
// to the shard that goes on with it. Mail carries a pointer to it: whoever takes the message out
// owns it, and the keys are never in a mailbox.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/tls/records.h"
#include "dataplane/tls_context.h"

namespace ringgate {

struct TlsHandover {
  tls::Records records;
  std::vector<std::uint8_t> rest{};  // came behind the handshake, and is still sealed
};

// New contexts, of each listener, for handshakes that begin from now on. The same holds for them.
struct TlsContextsMail {
  std::vector<TlsContext>* contexts;
};

}  // namespace ringgate
