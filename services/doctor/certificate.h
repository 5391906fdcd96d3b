// Whether a certificate and its key can serve clients. Reads their files; any thread.
#pragma once

#include <ctime>
#include <string>

#include "services/doctor/checks.h"

namespace ringgate::doctor {

// As a gateway with these for TlsCert and TlsKey would find them at `now`.
[[nodiscard]] Finding check_certificate(const std::string& certificate_file,
                                        const std::string& key_file, std::time_t now);

}  // namespace ringgate::doctor
