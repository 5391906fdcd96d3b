// TLS of the links to services, from the configuration. Reads files: for start and reload.
#pragma once

#include <memory>
#include <vector>

#include "control/config/config.h"
#include "control/tls/material.h"
#include "control/tls/openssl.h"

namespace ringgate {

struct LinkTls {
  std::shared_ptr<SSL_CTX> context;  // null: LinkTlsCA is not set
  std::vector<tls::Material::Validity> certificates;
};

// All that the files have to be is checked, so that a start or a reload is refused with a sentence.
[[nodiscard]] Result<LinkTls> load_link_tls(const Config& config);

}  // namespace ringgate
