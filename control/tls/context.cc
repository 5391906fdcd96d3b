#include "control/tls/context.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "control/base/text.h"
#include "dataplane/tls_handshake.h"

namespace ringgate::tls {
namespace {

// Those with forward secrecy and an AEAD.
constexpr const char* kOldCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// What codec/tls/ can open and seal.
constexpr std::string_view kSuites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                        "TLS_CHACHA20_POLY1305_SHA256"};
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr long kTicketSeconds = 24L * 60 * 60;
// Each is a record, and a signature's worth of bytes; a client that comes back needs one.
constexpr std::size_t kTickets = 1;
constexpr int kMostOfAChain = 8;  // of a client's certificates

bool is_suite(std::string_view name) {
  return name.starts_with("TLS_");
}

std::string join(const std::vector<std::string>& names, bool suites) {
  std::string joined;
  for (const std::string& name : names) {
    if (is_suite(name) != suites) continue;
    if (!joined.empty()) joined += ':';
    joined += name;
  }
  return joined;
}

void free_data(void* /*context*/, void* data, CRYPTO_EX_DATA* /*all*/, int /*index*/, long /*argl*/,
               void* /*argp*/) {
  delete static_cast<ContextData*>(data);
}

int data_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_data);
  return index;
}

const ContextData& data_of(SSL* ssl) {
  return *static_cast<const ContextData*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), data_index()));
}

// Who asks for no name, or for one that we have not, gets the first certificate.
int on_name(SSL* ssl, int* /*alert*/, void* /*argument*/) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* const context = data_of(ssl).find(lower_case(name));
  if (context != nullptr && SSL_set_SSL_CTX(ssl, context) == nullptr) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  return SSL_TLSEXT_ERR_OK;
}

// Of WebSocket: whoever offers h2 beside it gets http/1.1, and who has only others is refused (RFC
// 7301, section 3.2). Elsewhere nobody has to say anything.
int on_protocols(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_bytes,
                 const unsigned char* offered, unsigned offered_bytes, void* /*argument*/) {
  if (!data_of(ssl).is_http) return SSL_TLSEXT_ERR_NOACK;
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_bytes, kHttpAlpn, sizeof kHttpAlpn, offered,
                            offered_bytes) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int sealing) {
  const TicketKeys& keys = *data_of(ssl).tickets;
  return sealing == 1 ? keys.seal(name, iv, cipher, mac) : keys.open(name, iv, cipher, mac);
}

bool set_ciphers(SSL_CTX* context, const std::vector<std::string>& ciphers) {
  const std::string old_ones = join(ciphers, false);
  std::string suites = join(ciphers, true);
  if (suites.empty()) suites = fmt::format("{}", fmt::join(kSuites, ":"));
  return SSL_CTX_set_cipher_list(context, old_ones.empty() ? kOldCiphers : old_ones.c_str()) == 1 &&
         SSL_CTX_set_ciphersuites(context, suites.c_str()) == 1;
}

}  // namespace

SSL_CTX* ContextData::find(std::string_view name) const {
  auto found = by_name.find(name);
  if (found == by_name.end()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    found = by_name.find("*" + std::string(name.substr(dot)));
  }
  return found == by_name.end() ? nullptr : found->second.get();
}

// OpenSSL knows some that do not encrypt, and some that anybody in between can answer (RFC 4346).
bool hides_something(SSL_CTX* context) {
  const STACK_OF(SSL_CIPHER)* const chosen = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(chosen); ++i) {
    const SSL_CIPHER* const one = sk_SSL_CIPHER_value(chosen, i);
    if (SSL_CIPHER_get_cipher_nid(one) == NID_undef ||
        SSL_CIPHER_get_auth_nid(one) == NID_auth_null)
      return false;
  }
  return true;
}

bool has_old_cipher_for(SSL_CTX* context, const EVP_PKEY* key) noexcept {
  const int kind = EVP_PKEY_get_base_id(key);
  const int wanted =
      kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS ? NID_auth_rsa : NID_auth_ecdsa;
  const STACK_OF(SSL_CIPHER)* const chosen = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(chosen); ++i) {
    if (SSL_CIPHER_get_auth_nid(sk_SSL_CIPHER_value(chosen, i)) == wanted) return true;
  }
  return false;
}

Result<void> check_ciphers(const std::vector<std::string>& ciphers) {
  const ContextPtr scratch(SSL_CTX_new(TLS_server_method()));
  for (const std::string& name : ciphers) {
    if (is_suite(name)) {
      if (std::ranges::find(kSuites, name) != std::ranges::end(kSuites)) continue;
      return usage_error("TlsCiphers: \"{}\" is not taken; of TLS 1.3 there are {}", name,
                         fmt::join(kSuites, ", "));
    }
    // "@SECLEVEL=0" and "!NAME" are rules of OpenSSL's, no ciphers.
    const bool is_name = !name.empty() && name.find_first_of("@!:, ") == name.npos &&
                         !name.starts_with('-') && !name.starts_with('+');
    if (is_name && scratch != nullptr &&
        SSL_CTX_set_cipher_list(scratch.get(), name.c_str()) == 1) {
      if (hides_something(scratch.get())) continue;
      return usage_error(
          "TlsCiphers: \"{}\" has ciphers that do not encrypt, or do not say who answers", name);
    }
    ERR_clear_error();
    return usage_error(
        "TlsCiphers: \"{}\" is no cipher that OpenSSL has; \"openssl ciphers -s -tls1_2\" shows "
        "them",
        name);
  }
  return {};
}

Result<ContextPtr> new_context(const Settings& settings) {
  ERR_clear_error();
  ContextPtr made(SSL_CTX_new(TLS_server_method()));
  if (made == nullptr) return run_error("TLS: {}", why());
  SSL_CTX* const context = made.get();
  SSL_CTX_set_min_proto_version(
      context, settings.min_version == MinVersion::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets only
  SSL_CTX_set_num_tickets(context, kTickets);
  SSL_CTX_set_timeout(context, kTicketSeconds);
  SSL_CTX_set_max_early_data(context, 0);
  SSL_CTX_set_verify_depth(context, kMostOfAChain);
  if (!set_ciphers(context, settings.ciphers)) {
    return usage_error("TlsCiphers: OpenSSL takes none of them: {}", why());
  }
  if (SSL_CTX_set1_groups_list(context, kGroups) != 1) return run_error("TLS: {}", why());
  TlsHandshake::prepare(context);
  return made;
}

void attach(SSL_CTX* context, std::unique_ptr<ContextData> data) {
  ContextData* const given = data.release();
  if (SSL_CTX_set_ex_data(context, data_index(), given) != 1) {
    delete given;
    return;
  }  // else free_data() has it
  // What SSL_CTX_set_tlsext_servername_callback is, without its casts.
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(&on_name));
  SSL_CTX_set_alpn_select_cb(context, &on_protocols, nullptr);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &on_ticket);
}

}  // namespace ringgate::tls
