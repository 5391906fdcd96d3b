#include "services/process/tls.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <utility>

#include "control/base/text.h"

namespace ringgate {
namespace {

constexpr std::time_t kDay = 24L * 60 * 60;

std::string ends_soon(const tls::Material::Validity& one, std::time_t now) {
  const std::time_t left = one.not_after - now;
  if (left <= 0)
    return fmt::format("the certificate in {} has expired; renew it, then SIGHUP", one.file);
  if (left < 2 * kDay) {
    return fmt::format("the certificate in {} expires in {} hours; renew it, then SIGHUP", one.file,
                       left / 3600);
  }
  return fmt::format("the certificate in {} expires in {} days; renew it, then SIGHUP", one.file,
                     left / kDay);
}

// A file that is used twice is one.
void keep_one_of_each(std::vector<tls::Material::Validity>& certificates) {
  std::ranges::sort(certificates, {}, &tls::Material::Validity::file);
  const auto twice = std::ranges::unique(certificates, {}, &tls::Material::Validity::file);
  certificates.erase(twice.begin(), twice.end());
}

}  // namespace

std::vector<std::string> certificates_to_mend(std::vector<tls::Material::Validity> certificates,
                                              std::time_t now) {
  keep_one_of_each(certificates);
  std::vector<std::string> lines;
  for (const auto& one : certificates) {
    if (one.has_names) continue;
    lines.push_back(fmt::format(
        "the certificate in {} has no names (subjectAltName), and its common name does not count: "
        "clients refuse it, and gateways; have it made anew with the names that they connect by",
        one.file));
  }
  CertificateDays days;
  days.use(std::move(certificates));
  for (std::string& line : days.ending(now)) lines.push_back(std::move(line));
  return lines;
}

void CertificateDays::use(std::vector<tls::Material::Validity> certificates) {
  keep_one_of_each(certificates);
  const MutexLock lock(mutex_);
  certificates_ = std::move(certificates);
}

// One that a reload has put where another was is told again, if it has to be renewed, too. It is
// over with the words that it began with, and when the certificate has expired: that is told by
// whoever is not well without it.
void CertificateDays::look(std::time_t now) {
  Episodes::Texts texts;
  {
    const MutexLock lock(mutex_);
    for (const auto& one : certificates_) {
      if (now < one.renew_at || now >= one.not_after) continue;
      const std::string key = fmt::format("{} {}", one.file, one.not_after);
      const auto told = told_.find(key);
      texts[key] = told != told_.end() ? told->second : ends_soon(one, now);
    }
  }
  ending_.update(texts);
  told_ = std::move(texts);
}

std::vector<std::string> CertificateDays::ending(std::time_t now) const {
  std::vector<std::string> lines;
  const MutexLock lock(mutex_);
  for (const auto& one : certificates_) {
    if (now >= one.renew_at && now < one.not_after) lines.push_back(ends_soon(one, now));
  }
  return lines;
}

std::vector<std::string> CertificateDays::ended(std::time_t now) const {
  std::vector<std::string> lines;
  const MutexLock lock(mutex_);
  for (const auto& one : certificates_) {
    if (now >= one.not_after) lines.push_back(ends_soon(one, now));
  }
  return lines;
}

void CertificateDays::add_ended(std::time_t now, Episodes::Texts& problems) const {
  for (std::string& one : ended(now)) {
    std::string name = "certificate: " + one;
    problems[std::move(name)] = std::move(one);
  }
}

void CertificateDays::collect(const std::string& service, MetricsSnapshot& metrics,
                              const std::string& prefix) const {
  const MutexLock lock(mutex_);
  for (const auto& one : certificates_) {
    const MetricsSnapshot::Labels labels = {{"service_id", service}, {"file", one.file}};
    metrics.gauge(
        prefix + "_expiry_timestamp_seconds",
        "Unix time at which the certificate expires, or one of its chain, whichever is first",
        labels, static_cast<double>(one.not_after));
    metrics.gauge(prefix + "_renewal_timestamp_seconds",
                  "Unix time from which on it has to be renewed: 14 days before it expires, or a "
                  "third of its life where that is shorter",
                  labels, static_cast<double>(one.renew_at));
  }
}

// A configuration without such a port that has the keys all the same: they have no effect, as a
// note says, and no file is read. `ringgate dev` has its port without one, and its certificate.
bool has_ports_tls(const Config& config) {
  const bool is_noted =
      config.monitor_port == 0 && config.admin_port == 0 &&
      (config.given.contains("MonitorTlsCert") || config.given.contains("MonitorTlsKey"));
  return !is_noted &&
         (!config.monitor_tls.certificates.empty() || !config.monitor_tls.keys.empty());
}

Result<PortsTls> load_ports_tls(const Config& config) {
  if (!has_ports_tls(config)) return PortsTls();
  const auto material =
      tls::Material::load(config.monitor_tls, std::time(nullptr),
                          {.certificate = "MonitorTlsCert", .key = "MonitorTlsKey"});
  if (!material) return std::unexpected(material.error());
  auto context = (*material)->context({.is_http = true});
  if (!context) return std::unexpected(context.error());
  return PortsTls{std::move(*context), (*material)->validity()};
}

Result<ListenersTls> load_tls(const Config& config) {
  ListenersTls loaded;
  loaded.contexts.resize(config.listen.size());
  if (!has_tls(config)) return loaded;
  const auto material = tls::Material::load(config.tls, std::time(nullptr));
  if (!material) return std::unexpected(material.error());
  loaded.certificates = (*material)->validity();
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    const ListenSpec& listen = config.listen[i];
    if (!listen.tls) continue;
    auto context =
        (*material)->context({.is_http = listen.transport == Transport::kWebSocket,
                              .client_certificate = wants_client_certificate(config, listen)});
    if (!context) return std::unexpected(context.error());
    loaded.contexts[i] = std::move(*context);
  }
  return loaded;
}

}  // namespace ringgate
