// A context of TLS for listeners of tests, and clients for them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "control/tls/context.h"
#include "tests/common/certificates.h"
#include "tests/dataplane/tls_client.h"

namespace ringgate::test {

// A certificate of its own, made once for a program.
inline TlsContext made_tls_context(const tls::Settings& settings = {}) {
  static const MadeCertificate certificate = MadeCertificate::make({.names = {"localhost"}});
  auto made = tls::new_context(settings);
  EXPECT_TRUE(made);
  SSL_CTX_use_certificate(made->get(), certificate.certificate());
  SSL_CTX_use_PrivateKey(made->get(), certificate.key());
  constexpr unsigned char kSessions[] = "tests";
  SSL_CTX_set_session_id_context(made->get(), kSessions, sizeof kSessions);
  auto data = std::make_unique<tls::ContextData>();
  data->tickets = tls::TicketKeys::of_this_process();
  tls::attach(made->get(), std::move(data));
  return TlsContext::of(made->release());
}

}  // namespace ringgate::test
