#include "services/cli/trace/no_answer.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "control/base/text.h"

namespace ringgate {

// libcurl has one code for most of it, and tells them apart by the words of OpenSSL.
std::string why_no_answer(const consul::Reply& reply) {
  const std::string& text = reply.failure_text;
  if (reply.failure != consul::Failure::kTls) return text;
  const auto says = [&text](std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view one) { return text.contains(one); });
  };
  if (says({"wrong version number", "packet length too long", "record too small"})) {
    return "what answers there does not speak TLS: check the port, or write http:// for it";
  }
  if (says({"certificate has expired", "certificate is not yet valid"})) {
    return fmt::format(
        "{}: whoever runs it has to renew it; if it is good, set this machine's clock", text);
  }
  if (says({"self-signed certificate", "self signed certificate", "local issuer certificate",
            "unable to get issuer certificate", "unable to verify the first certificate"})) {
    return "its certificate is not signed by an authority that is trusted here: name the "
           "authority's certificate with --tls-ca FILE";
  }
  if (says({"subject name"})) {
    return text + ": ask by a name that its certificate has, or have it made anew with this one";
  }
  if (says({"alert certificate required", "alert handshake failure"})) {
    return "it may want a certificate of ours, which no admin port does: check the port";
  }
  return text + ": check the port, and the file of --tls-ca";
}

}  // namespace ringgate
