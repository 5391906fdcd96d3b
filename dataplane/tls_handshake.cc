#include "dataplane/tls_handshake.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string_view>

#include "codec/tls/alert.h"
#include "codec/tls/key_log.h"
#include "dataplane/check.h"

namespace ringgate {
namespace {

constexpr std::string_view kPlainTextAnswer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 49\r\n"
    "Connection: close\r\n\r\nThis port speaks TLS: ask by https:// or wss://\r\n";
constexpr std::size_t kPlainTextHeadBytes = kPlainTextAnswer.find("\r\n\r\n") + 4;

std::size_t pending(bio_st* bio) noexcept {
  return BIO_ctrl_pending(bio);
}

void take(bio_st* bio, MutableBytes to) noexcept {
  std::size_t taken = 0;
  if (!to.empty()) RINGGATE_CHECK(BIO_read_ex(bio, to.data(), to.size(), &taken) == 1);
  RINGGATE_CHECK(taken == to.size());
}

// By the first five bytes: a word, and where it has ended, what may be asked for. No record of TLS
// begins so. OpenSSL knows some of the methods, and takes the others for garbage.
bool is_http(std::string_view head) {
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const std::string_view word = head.substr(0, head.find(' '));
  if (word.empty() || !std::ranges::all_of(word, is_letter)) return false;
  const std::string_view rest = head.substr(std::min(word.size() + 1, head.size()));
  return rest.empty() || rest.front() == '/' || rest.front() == '*' || is_letter(rest.front());
}

// What is kept at a connection that has begun so: its answer has no body.
int head_request_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

TlsFailure meaning_of_reason(int reason) {
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:  // of the first record: what is no TLS at all
      return TlsFailure::kPlainText;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return TlsFailure::kVersion;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
      return TlsFailure::kNoCommonCipher;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TlsFailure::kNoClientCertificate;
    default:
      return reason >= SSL_AD_REASON_OFFSET ? TlsFailure::kPeerAlert : TlsFailure::kBadMessage;
  }
}

// What is wrong with a client's certificate, of X509_V_ERR_*.
TlsFailure meaning_of_verdict(long verdict) {
  switch (verdict) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      return TlsFailure::kClientCertificateAuthority;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return TlsFailure::kClientCertificateExpired;
    case X509_V_ERR_INVALID_PURPOSE:
      return TlsFailure::kClientCertificatePurpose;
    default:
      return TlsFailure::kClientCertificate;
  }
}

}  // namespace

TlsContext::TlsContext(const TlsContext& other) noexcept : context_(other.context_) {
  if (context_ != nullptr) SSL_CTX_up_ref(context_);
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

TlsHandshake::Keys::~Keys() {
  OPENSSL_cleanse(read.data(), read.size());
  OPENSSL_cleanse(write.data(), write.size());
}

void TlsHandshake::prepare(ssl_ctx_st* context) noexcept {
  SSL_CTX_set_keylog_callback(context, &TlsHandshake::on_key_log);
}

std::unique_ptr<TlsHandshake> TlsHandshake::begin(const TlsContext& context) {
  std::unique_ptr<TlsHandshake> made(new TlsHandshake);
  made->ssl_ = SSL_new(context.get());
  bio_st* const in = BIO_new(BIO_s_mem());
  bio_st* const out = BIO_new(BIO_s_mem());
  if (made->ssl_ == nullptr || in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    ERR_clear_error();
    return nullptr;
  }
  BIO_set_mem_eof_return(in, -1);  // more may come: no end
  made->in_ = in;
  made->out_ = out;
  SSL_set_bio(made->ssl_, in, out);
  SSL_set_accept_state(made->ssl_);
  SSL_set_app_data(made->ssl_, made.get());
  SSL_set_msg_callback(made->ssl_, &TlsHandshake::on_message);
  SSL_set_msg_callback_arg(made->ssl_, made.get());
  return made;
}

TlsHandshake::~TlsHandshake() {
  SSL_free(ssl_);
  ERR_clear_error();
}

TlsStatus TlsHandshake::step(ByteView input) {
  RINGGATE_CHECK(failure_ == TlsFailure::kNone);
  ERR_clear_error();
  std::size_t fed = 0;
  if (!input.empty() && BIO_write_ex(in_, input.data(), input.size(), &fed) != 1) return failed();
  const std::size_t before = pending(in_);
  const int result = SSL_do_handshake(ssl_);
  taken_ += before - std::min(before, pending(in_));
  if (result == 1) return done();
  if (SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) return failed();
  ERR_clear_error();
  // What it has not read yet is the start of a record.
  if (taken_ + pending(in_) <= kMaxBytes) return TlsStatus::kNeedMore;
  failure_ = TlsFailure::kTooLong;
  return TlsStatus::kFailed;
}

TlsStatus TlsHandshake::done() noexcept {
  ERR_clear_error();
  SSL_set_msg_callback(ssl_, nullptr);
  SSL_set_app_data(ssl_, nullptr);
  if (!is_1_3()) return TlsStatus::kDone;
  keys_.suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl_));
  keys_.write_sequence = sealed_records_;
  // 0: none was agreed to; 1 for 2^9 bytes to 4 for 2^12 (RFC 6066, section 4).
  const int fragment = SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl_));
  if (fragment > 0) keys_.max_text_bytes = static_cast<std::uint16_t>(256U << fragment);
  RINGGATE_CHECK(keys_.secret_bytes != 0);  // prepare() was forgotten
  return TlsStatus::kDone;
}

TlsStatus TlsHandshake::failed() {
  const unsigned long error = ERR_peek_error();
  ERR_clear_error();
  const int reason = ERR_GET_REASON(error);
  failure_ = TlsFailure::kBadMessage;
  if (reason == ERR_R_MALLOC_FAILURE) {
    failure_ = TlsFailure::kNoMemory;
  } else if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    failure_ = reason == SSL_R_CERTIFICATE_VERIFY_FAILED
                   ? meaning_of_verdict(SSL_get_verify_result(ssl_))
                   : meaning_of_reason(reason);
  }
  // A later record of another version is no plain text.
  if (failure_ == TlsFailure::kPlainText && SSL_get_state(ssl_) != TLS_ST_BEFORE) {
    failure_ = TlsFailure::kBadMessage;
  }
  if (failure_ == TlsFailure::kPlainText) answer_plain_text();
  return TlsStatus::kFailed;
}

// Whoever speaks HTTP would show an alert as garbage. To anybody else OpenSSL would say nothing.
void TlsHandshake::answer_plain_text() {
  const bool is_head = SSL_get_ex_data(ssl_, head_request_index()) != nullptr;
  const std::string_view words =
      kPlainTextAnswer.substr(0, is_head ? kPlainTextHeadBytes : kPlainTextAnswer.size());
  const ByteView answer = begins_as_http_ ? as_bytes(words) : ByteView(tls::kNoTlsAlert);
  std::size_t written = 0;
  BIO_reset(out_);
  BIO_write_ex(out_, answer.data(), answer.size(), &written);
  ERR_clear_error();
}

void TlsHandshake::on_key_log(const ssl_st* ssl, const char* line) {
  auto* const self = static_cast<TlsHandshake*>(SSL_get_app_data(ssl));
  if (self != nullptr) self->take_secret(line);
}

void TlsHandshake::take_secret(const char* line) {
  const auto logged = tls::traffic_secret_in(line);
  if (!logged) return;
  auto& secret = logged->is_of_server ? keys_.write : keys_.read;
  keys_.secret_bytes = static_cast<std::uint8_t>(tls::read_hex(logged->hex, secret));
  if (logged->is_of_server) sealed_records_ = 0;  // with this secret, from here on
}

// Heads of records. Each that is written after the secret was told is sealed with it; the first
// that comes may be the beginning of a request.
void TlsHandshake::on_message(int write, int /*version*/, int type, const void* bytes,
                              std::size_t size, ssl_st* ssl, void* self) {
  if (type != SSL3_RT_HEADER) return;
  auto& handshake = *static_cast<TlsHandshake*>(self);
  if (write == 1) {
    ++handshake.sealed_records_;
  } else if (SSL_get_state(ssl) == TLS_ST_BEFORE) {
    const std::string_view head{static_cast<const char*>(bytes), size};
    handshake.begins_as_http_ = is_http(head);
    if (head == "HEAD ") SSL_set_ex_data(ssl, head_request_index(), self);
  }
}

std::size_t TlsHandshake::output_bytes() const noexcept {
  return pending(out_);
}

void TlsHandshake::take_output(MutableBytes to) noexcept {
  take(out_, to);
}

std::size_t TlsHandshake::rest_bytes() const noexcept {
  return pending(in_);
}

void TlsHandshake::take_rest(MutableBytes to) noexcept {
  take(in_, to);
}

bool TlsHandshake::is_1_3() const noexcept {
  return SSL_version(ssl_) == TLS1_3_VERSION;
}

bool TlsHandshake::is_resumed() const noexcept {
  return SSL_session_reused(ssl_) == 1;
}

TlsHandshake::Released TlsHandshake::release() noexcept {
  return {std::exchange(ssl_, nullptr), in_, out_};
}

TlsSession::TlsSession(TlsHandshake::Released released) noexcept
    : ssl_(released.ssl), in_(released.in), out_(released.out) {}

TlsSession::~TlsSession() {
  SSL_free(ssl_);
  ERR_clear_error();
}

bool TlsSession::feed(ByteView input) noexcept {
  std::size_t fed = 0;
  const bool good = input.empty() || BIO_write_ex(in_, input.data(), input.size(), &fed) == 1;
  ERR_clear_error();
  return good;
}

TlsSession::Read TlsSession::read(MutableBytes to, std::size_t& bytes) noexcept {
  ERR_clear_error();
  bytes = 0;
  const int result = SSL_read_ex(ssl_, to.data(), to.size(), &bytes);
  const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
  ERR_clear_error();
  if (error == SSL_ERROR_NONE) return Read::kData;
  if (error == SSL_ERROR_WANT_READ) return Read::kNeedMore;
  return error == SSL_ERROR_ZERO_RETURN ? Read::kEnd : Read::kFailed;
}

bool TlsSession::write(ByteView payload) noexcept {
  ERR_clear_error();
  std::size_t written = 0;
  const bool good =
      payload.empty() || SSL_write_ex(ssl_, payload.data(), payload.size(), &written) == 1;
  ERR_clear_error();
  return good;
}

void TlsSession::close() noexcept {
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::size_t TlsSession::output_bytes() const noexcept {
  return pending(out_);
}

void TlsSession::take_output(MutableBytes to) noexcept {
  take(out_, to);
}

}  // namespace ringgate
