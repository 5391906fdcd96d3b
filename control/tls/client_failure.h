// Why a connection to a TLS server failed, as a sentence that says what to do. Any thread.
#pragma once

#include <string>

#include "control/base/address.h"
#include "control/tls/client_context.h"
#include "control/tls/openssl.h"

namespace ringgate::tls {

// What is wrong with what a server showed.
struct Verdict {
  int error = X509_V_OK;
  CertificatePtr at;   // the certificate that it is about; null: nothing is wrong
  bool is_own = true;  // it is the server's, and not one of the chain
};

struct ServerName {
  std::string host;   // that its certificate has to be for
  std::string where;  // "192.0.2.1:8443"
};

// Of this thread's first failure in OpenSSL's queue of errors, which is empty afterwards.
[[nodiscard]] std::string explain_failure(const Verdict& verdict, const ServerName& server,
                                          const ClientSettings::Names& names);

// What to do about an alert that the server has sent, as ": it wants ..."; empty: nobody knows. One
// of 1.3 looks at our certificate when we take the handshake for done.
[[nodiscard]] std::string advice_for(int alert, const ClientSettings::Names& names);

}  // namespace ringgate::tls
