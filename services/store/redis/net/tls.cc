#include "services/store/redis/net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <utility>

#include "control/base/address.h"
#include "control/base/text_file.h"
#include "control/tls/certificate.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20U;

// Of this thread's last failure; takes all of them.
std::string why() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* const text = error != 0 ? ERR_reason_error_string(error) : nullptr;
  return text != nullptr ? text : "TLS failed";
}

Result<void> read_file(std::string_view key, const std::string& file, std::string& into) {
  if (file.empty()) return {};
  auto text = read_text_file(file, kMaxFileBytes);
  if (!text) return usage_error("{}: {}", key, text.error().message);
  into.append(*text).push_back('\0');
  return {};
}

Result<void> trust(SSL_CTX* context, const std::string& ca) {
  if (ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    return run_error("this machine's certificate authorities cannot be read: {}; name RedisCA",
                     why());
  }
  const auto authorities = tls::load_authorities("RedisCA", ca, std::time(nullptr));
  if (!authorities) return std::unexpected(authorities.error());
  for (const tls::CertificatePtr& one : *authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) != 1) {
      return usage_error("RedisCA: {}: {}", ca, why());
    }
  }
  return {};
}

Result<void> show(SSL_CTX* context, const RedisTlsFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return usage_error("RedisCertificate and RedisCertificateKey go together; name both files");
  }
  if (files.certificate.empty()) return {};
  const auto ours =
      tls::load_certificate(files.certificate, files.key, std::time(nullptr),
                            {.certificate = "RedisCertificate", .key = "RedisCertificateKey"});
  if (!ours) return std::unexpected(ours.error());
  return tls::take_certificate(context, *ours, "RedisCertificate");
}

}  // namespace

Result<std::shared_ptr<const RedisTlsContext>> RedisTlsContext::load(const RedisTlsFiles& files) {
  std::shared_ptr<RedisTlsContext> made(new RedisTlsContext);
  for (const auto& [key, file] :
       {std::pair("RedisCA", &files.ca), std::pair("RedisCertificate", &files.certificate),
        std::pair("RedisCertificateKey", &files.key)}) {
    if (auto read = read_file(key, *file, made->read_); !read) {
      return std::unexpected(read.error());
    }
  }
  ERR_clear_error();
  made->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = made->get();
  if (context == nullptr) return run_error("{}", why());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (auto trusts = trust(context, files.ca); !trusts) return std::unexpected(trusts.error());
  if (auto shows = show(context, files); !shows) return std::unexpected(shows.error());
  return made;
}

RedisTlsStream::RedisTlsStream(const RedisTlsContext& context, const std::string& host)
    : ssl_(SSL_new(context.get())), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_connect_state(ssl_.get());
  if (numeric_address({host, 1})) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
  } else {
    SSL_set1_host(ssl_.get(), host.c_str());
    // What SSL_set_tlsext_host_name is, without its casts.
    std::string name = host;
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  }
}

std::unexpected<Error> RedisTlsStream::failed() const {
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return run_error("its certificate is not good: {}", X509_verify_cert_error_string(verified));
  }
  return run_error("TLS: {}", why());
}

// The handshake, and then what waited for its end.
Result<void> RedisTlsStream::go_on() {
  ERR_clear_error();
  if (!is_secure()) {
    const int done = SSL_do_handshake(ssl_.get());
    if (done != 1) {
      if (SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ) return failed();
      return {};
    }
  }
  if (waiting_.empty()) return {};
  // The BIO takes all of it.
  std::size_t written = 0;
  if (SSL_write_ex(ssl_.get(), waiting_.data(), waiting_.size(), &written) != 1) return failed();
  waiting_.clear();
  return {};
}

Result<void> RedisTlsStream::write(std::string_view bytes) {
  waiting_.append(bytes);
  return go_on();
}

Result<bool> RedisTlsStream::feed(std::string_view bytes,
                                  const std::function<void(std::string_view)>& take) {
  std::size_t fed = 0;
  if (!bytes.empty() && BIO_write_ex(in_, bytes.data(), bytes.size(), &fed) != 1) return failed();
  if (auto gone_on = go_on(); !gone_on) return std::unexpected(gone_on.error());
  if (!is_secure()) return true;
  char plain[16 * 1024];
  while (true) {
    ERR_clear_error();
    std::size_t size = 0;
    const int got = SSL_read_ex(ssl_.get(), plain, sizeof plain, &size);
    if (got == 1) {
      take({plain, size});
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), got);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return true;
    if (error == SSL_ERROR_ZERO_RETURN) return false;
    return failed();
  }
}

void RedisTlsStream::take_output(std::string& to) {
  const std::size_t bytes = BIO_ctrl_pending(out_);
  const std::size_t before = to.size();
  to.resize(before + bytes);
  std::size_t taken = 0;
  if (bytes == 0 || BIO_read_ex(out_, to.data() + before, bytes, &taken) != 1) taken = 0;
  to.resize(before + taken);
}

}  // namespace ringgate
