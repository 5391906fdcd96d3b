#include "services/doctor/certificate.h"

#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include "control/tls/certificate.h"

namespace ringgate::doctor {
namespace {

constexpr std::time_t kDay = 24L * 3600;

}  // namespace

Finding check_certificate(const std::string& certificate_file, const std::string& key_file,
                          std::time_t now) {
  const std::string name = "certificate";
  const auto loaded = tls::load_certificate(certificate_file, key_file, now);
  // The sentence says what to do, this machine's clock included.
  if (!loaded) return {Verdict::kFail, name, loaded.error().message, {}};
  const auto good = tls::check_purpose(*loaded, tls::Purpose::kServer, "TlsCert");
  if (!good) return {Verdict::kFail, name, good.error().message, {}};
  const bool has_dns_names = loaded->has_names && !loaded->names.empty();
  const std::time_t left = loaded->not_after - now;
  const std::string found =
      fmt::format("of {}, good until {:%Y-%m-%d} ({} days); this machine's clock says {:%Y-%m-%d}",
                  has_dns_names ? fmt::format("{}", fmt::join(loaded->names, ", ")) : "no name",
                  fmt::gmtime(loaded->not_after), left / kDay, fmt::gmtime(now));
  if (!loaded->has_names) {
    return {Verdict::kWarn, name, found,
            "clients and gateways refuse it, since its common name does not count: have it made "
            "anew with the DNS names that they connect by (subjectAltName)"};
  }
  if (loaded->names.empty()) {
    return {Verdict::kWarn, name, found,
            "clients that connect by a name refuse it: have it made with the DNS names of the "
            "gateway (subjectAltName)"};
  }
  if (now >= loaded->renew_at) return {Verdict::kWarn, name, found, "renew it, then SIGHUP"};
  return {Verdict::kOk, name, found, {}};
}

}  // namespace ringgate::doctor
