// TLS handshakes: whatever a client sends, and however it is cut, there is one verdict, what is
// answered is bounded, and nothing is left of it.
//
// The first byte says how the rest is cut.
#include <openssl/err.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "control/tls/context.h"
#include "dataplane/tls_handshake.h"
#include "tests/common/certificates.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

constexpr std::size_t kMostAnswered = std::size_t{16} * 1024;

TlsContext make_context() {
  const auto certificate = test::MadeCertificate::make({.names = {"localhost"}});
  auto made = tls::new_context({});
  fuzz_check(made.has_value(), "a context");
  fuzz_check(SSL_CTX_use_certificate(made->get(), certificate.certificate()) == 1 &&
                 SSL_CTX_use_PrivateKey(made->get(), certificate.key()) == 1,
             "a certificate");
  auto data = std::make_unique<tls::ContextData>();
  data->tickets = tls::TicketKeys::of_this_process();
  data->is_http = true;
  tls::attach(made->get(), std::move(data));
  return TlsContext::of(made->release());
}

struct Verdict {
  TlsStatus status = TlsStatus::kNeedMore;
  TlsFailure failure = TlsFailure::kNone;
  bool operator==(const Verdict&) const = default;
};

Verdict play(ByteView input, std::size_t cut) {
  static const TlsContext context = make_context();
  const auto handshake = TlsHandshake::begin(context);
  fuzz_check(handshake != nullptr, "a handshake");
  Verdict verdict;
  while (verdict.status == TlsStatus::kNeedMore && !input.empty()) {
    const std::size_t now = std::min(cut, input.size());
    verdict.status = handshake->step(input.first(now));
    input = input.subspan(now);
    fuzz_check(ERR_peek_error() == 0, "OpenSSL's queue is empty");
  }
  verdict.failure = handshake->failure();
  fuzz_check((verdict.status == TlsStatus::kFailed) == (verdict.failure != TlsFailure::kNone),
             "a reason for each failure");
  std::vector<std::uint8_t> answer(handshake->output_bytes());
  fuzz_check(answer.size() <= kMostAnswered, "a bounded answer");
  handshake->take_output(answer);
  fuzz_check(handshake->output_bytes() == 0, "all of it was taken");
  return verdict;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView input(data + 1, size - 1);
  const Verdict whole = play(input, std::max<std::size_t>(input.size(), 1));
  const Verdict cut = play(input, std::size_t{1} + data[0]);
  fuzz_check(whole == cut, "the verdict depends on where the input is cut");
  return 0;
}
