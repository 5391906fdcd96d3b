// TLS of a process's listeners and ports, from its configuration. Reads files: for start and
// reload.
#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "control/base/error.h"
#include "control/base/mutex.h"
#include "control/config/config.h"
#include "control/observe/episode.h"
#include "control/observe/metrics.h"
#include "control/tls/material.h"
#include "dataplane/tls_context.h"

namespace ringgate {

struct ListenersTls {
  std::vector<TlsContext> contexts;  // of each entry of Listen; none: it is plain
  std::vector<tls::Material::Validity> certificates;
};

// All that the files have to be is checked, so that a start or a reload is refused with a sentence.
[[nodiscard]] Result<ListenersTls> load_tls(const Config& config);

// Of the monitor and admin ports.
struct PortsTls {
  TlsContext context;  // none: they are plain
  std::vector<tls::Material::Validity> certificates;
};
[[nodiscard]] Result<PortsTls> load_ports_tls(const Config& config);
[[nodiscard]] bool has_ports_tls(const Config& config);

// A sentence for each of these that nobody believes because it has no names, and for each that has
// to be renewed and is still good.
[[nodiscard]] std::vector<std::string> certificates_to_mend(
    std::vector<tls::Material::Validity> certificates, std::time_t now);

// How long certificates are still good for, and whether they have to be renewed: from
// tls::Certificate's renew_at on, here as wherever it is told.
class CertificateDays {
 public:
  // What is in use from now on. The control thread, as look().
  void use(std::vector<tls::Material::Validity> certificates);
  // Writes to the log that one has to be renewed, once for each, and when that is over; every
  // second or so. That it has ended is not written here.
  void look(std::time_t now);
  // A sentence for each that has to be renewed and is still good; for each that has ended. Any
  // thread.
  [[nodiscard]] std::vector<std::string> ending(std::time_t now) const;
  [[nodiscard]] std::vector<std::string> ended(std::time_t now) const;
  // Why clients will not come: each that has ended, under a name of its own. Any thread.
  void add_ended(std::time_t now, Episodes::Texts& problems) const;
  // Any thread.
  void collect(const std::string& service, MetricsSnapshot& metrics,
               const std::string& prefix = "ringgate_tls_certificate") const;

 private:
  mutable Mutex mutex_;
  std::vector<tls::Material::Validity> certificates_ ABSL_GUARDED_BY(mutex_);
  Episodes ending_;
  Episodes::Texts told_;  // how each of them began
};

}  // namespace ringgate
