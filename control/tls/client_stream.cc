#include "control/tls/client_stream.h"

#include <openssl/x509v3.h>

#include "codec/check.h"
#include "codec/tls/key_log.h"

namespace ringgate::tls {
namespace {

void take(BIO* bio, MutableBytes to) noexcept {
  std::size_t taken = 0;
  if (!to.empty()) RINGGATE_CHECK(BIO_read_ex(bio, to.data(), to.size(), &taken) == 1);
  RINGGATE_CHECK(taken == to.size());
}

}  // namespace

ClientStream::Secrets::~Secrets() {
  OPENSSL_cleanse(read.data(), read.size());
  OPENSSL_cleanse(write.data(), write.size());
}

void ClientStream::prepare(SSL_CTX* context) noexcept {
  SSL_CTX_set_keylog_callback(context, &ClientStream::on_key_log);
}

Result<std::unique_ptr<ClientStream>> ClientStream::begin(SSL_CTX* context, const Endpoint& server,
                                                          const ClientSettings::Names& names,
                                                          std::string_view session,
                                                          std::string_view where) {
  ERR_clear_error();
  std::unique_ptr<ClientStream> made(new ClientStream);
  made->ssl_.reset(SSL_new(context));
  BioPtr in(BIO_new(BIO_s_mem()));
  BioPtr out(BIO_new(BIO_s_mem()));
  if (made->ssl_ == nullptr || in == nullptr || out == nullptr) return run_error("TLS: {}", why());
  BIO_set_mem_eof_return(in.get(), -1);  // more may come: no end
  made->in_ = in.release();
  made->out_ = out.release();
  SSL* const ssl = made->ssl_.get();
  SSL_set_bio(ssl, made->in_, made->out_);
  SSL_set_connect_state(ssl);
  SSL_set_app_data(ssl, made.get());
  SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), &ClientStream::on_certificate);
  made->names_ = names;
  if (auto used = made->use_server(server, where); !used) return std::unexpected(used.error());
  if (auto used = made->use_session(session); !used) return std::unexpected(used.error());
  if (auto begun = made->go_on(); !begun) return std::unexpected(begun.error());
  return made;
}

ClientStream::~ClientStream() {
  // Else the session that others may share would count as broken.
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
  ERR_clear_error();
}

Result<void> ClientStream::use_server(const Endpoint& server, std::string_view where) {
  std::string host = server.host.empty() ? "localhost" : server.host;
  server_.host = host;
  server_.where = where.empty() ? format_endpoint({host, server.port}) : std::string(where);
  SSL* const ssl = ssl_.get();
  bool good = false;
  if (numeric_address({host, server.port})) {
    good = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  } else {
    // A common name is none of a server's: what a certificate is for, it says in its extension (RFC
    // 9525). The second is what SSL_set_tlsext_host_name is, without its casts.
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    good = SSL_set1_host(ssl, host.c_str()) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1;
  }
  if (!good) return run_error("TLS: \"{}\" cannot be the name of a server: {}", host, why());
  return {};
}

Result<void> ClientStream::use_session(std::string_view session) {
  if (session.empty()) return {};
  const auto* bytes = as_bytes(session).data();
  const std::unique_ptr<SSL_SESSION, Free<SSL_SESSION_free>> made(
      d2i_SSL_SESSION(nullptr, &bytes, static_cast<long>(session.size())));
  if (made == nullptr || SSL_set_session(ssl_.get(), made.get()) != 1) {
    return run_error("TLS: a session cannot be resumed: {}", why());
  }
  return {};
}

Result<void> ClientStream::feed(ByteView sealed) {
  ERR_clear_error();
  std::size_t fed = 0;
  if (!sealed.empty() && BIO_write_ex(in_, sealed.data(), sealed.size(), &fed) != 1) {
    return run_error("TLS: {}", why());
  }
  return is_ready() ? Result<void>{} : go_on();
}

Result<void> ClientStream::go_on() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1 && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) return failed();
  ERR_clear_error();
  if (result == 1 && secrets_.bytes != 0) {
    secrets_.suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl_.get()));
  }
  return {};
}

Result<std::size_t> ClientStream::read(MutableBytes to) {
  if (!is_ready() || ended_) return 0U;
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), to.data(), to.size(), &bytes);
  const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  ended_ = error == SSL_ERROR_ZERO_RETURN;
  if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ && !ended_) return failed();
  ERR_clear_error();
  return bytes;
}

Result<void> ClientStream::write(ByteView plain) {
  if (plain.empty()) return {};
  ERR_clear_error();
  std::size_t written = 0;
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) return failed();
  return {};
}

void ClientStream::close() noexcept {
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

std::size_t ClientStream::output_bytes() const noexcept {
  return BIO_ctrl_pending(out_);
}

void ClientStream::take_output(MutableBytes to) noexcept {
  take(out_, to);
}

void ClientStream::append_output(std::string& to) {
  const std::size_t before = to.size();
  to.resize(before + output_bytes());
  take_output(MutableBytes(reinterpret_cast<std::uint8_t*>(to.data()) + before, output_bytes()));
}

bool ClientStream::is_ready() const noexcept {
  return SSL_is_init_finished(ssl_.get()) == 1;
}

bool ClientStream::is_resumed() const noexcept {
  return SSL_session_reused(ssl_.get()) == 1;
}

std::size_t ClientStream::rest_bytes() const noexcept {
  return BIO_ctrl_pending(in_);
}

void ClientStream::take_rest(MutableBytes to) noexcept {
  take(in_, to);
}

std::string ClientStream::session() const {
  SSL_SESSION* const session = SSL_get0_session(ssl_.get());
  if (session == nullptr || SSL_SESSION_is_resumable(session) != 1) return {};
  const int bytes = i2d_SSL_SESSION(session, nullptr);
  if (bytes <= 0) return {};
  std::string text(static_cast<std::size_t>(bytes), '\0');
  auto* to = reinterpret_cast<unsigned char*>(text.data());
  i2d_SSL_SESSION(session, &to);
  return text;
}

// Who has answered our hello speaks TLS.
Error ClientStream::cut_off() const {
  if (SSL_get_state(ssl_.get()) != TLS_ST_CW_CLNT_HELLO) {
    return run_error("{} closed the connection in the middle of the TLS handshake: see its log",
                     server_.where)
        .error();
  }
  return run_error("{} closed the connection in the TLS handshake: {}", server_.where,
                   names_.no_tls)
      .error();
}

std::unexpected<Error> ClientStream::failed() const {
  return run_error("{}", explain_failure(verdict_, server_, names_));
}

// OpenSSL's own judgement, which is noted: afterwards nobody has the certificate any more.
int ClientStream::on_certificate(int good, X509_STORE_CTX* chain) {
  if (good == 1) return 1;
  const auto* const ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const self = static_cast<ClientStream*>(SSL_get_app_data(ssl));
  X509* const at = X509_STORE_CTX_get_current_cert(chain);
  if (at == nullptr || SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE) return good;
  X509_up_ref(at);
  self->verdict_ = {X509_STORE_CTX_get_error(chain), CertificatePtr(at),
                    X509_STORE_CTX_get_error_depth(chain) == 0};
  return 0;
}

void ClientStream::on_key_log(const SSL* ssl, const char* line) {
  auto* const self = static_cast<ClientStream*>(SSL_get_app_data(ssl));
  if (self != nullptr) self->take_secret(line);
}

void ClientStream::take_secret(std::string_view line) {
  const auto logged = traffic_secret_in(line);
  if (!logged) return;
  auto& secret = logged->is_of_server ? secrets_.read : secrets_.write;
  secrets_.bytes = read_hex(logged->hex, secret);
  RINGGATE_CHECK(secrets_.bytes != 0);
}

}  // namespace ringgate::tls
