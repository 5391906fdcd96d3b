#include "services/gateway/link_tls.h"

#include <ctime>
#include <utility>

#include "control/links/link_dialler.h"
#include "control/tls/certificate.h"
#include "control/tls/client_context.h"

namespace ringgate {

Result<LinkTls> load_link_tls(const Config& config) {
  LinkTls loaded;
  tls::ClientSettings settings = config.link_tls;
  if (settings.ca.empty()) return loaded;
  settings.names = kLinkTlsNames;
  settings.only_1_3 = true;
  Result<tls::ContextPtr> context = tls::new_client_context(settings);
  if (!context) return std::unexpected(context.error());
  loaded.context = std::move(*context);
  if (settings.certificate.empty()) return loaded;
  const auto certificate =
      tls::load_certificate(settings.certificate, settings.key, std::time(nullptr),
                            {.certificate = kLinkTlsNames.certificate, .key = kLinkTlsNames.key});
  if (!certificate) return std::unexpected(certificate.error());
  if (auto good =
          tls::check_purpose(*certificate, tls::Purpose::kClient, kLinkTlsNames.certificate);
      !good) {
    return std::unexpected(good.error());
  }
  loaded.certificates.push_back({certificate->file, certificate->not_after, certificate->renew_at});
  return loaded;
}

}  // namespace ringgate
