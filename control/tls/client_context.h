// What handshakes as a client begin with: whom we trust, and who we are. Immutable, any thread.
#pragma once

#include "control/base/error.h"
#include "control/tls/client_settings.h"
#include "control/tls/openssl.h"

namespace ringgate::tls {

// Reads the files. Errors are sentences that name the setting and the file, and have exit code 2.
[[nodiscard]] Result<ContextPtr> new_client_context(const ClientSettings& settings);

}  // namespace ringgate::tls
