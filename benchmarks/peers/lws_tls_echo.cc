// lws_tls_echo: answers heartbeats over wss by libwebsockets, a widely used server library, with
// OpenSSL and libuv: what a ping over TLS costs elsewhere. One thread, until SIGINT or SIGTERM.
#include <libwebsockets.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "codec/packet.h"
#include "codec/tcp_frame.h"

namespace {

// Nothing has to be put in order at the end.
void stop(int /*signal*/) {
  std::_Exit(0);
}

// libwebsockets allocates it, full of zeros.
struct Session {
  unsigned owed_pongs;
};

// A pong is a packet without the head of its TCP frame.
bool write_pong(lws* connection) {
  const ringgate::ByteView pong =
      ringgate::ByteView(ringgate::kTcpPong)
          .last(ringgate::kTcpPong.size() - ringgate::kTcpFrameHeadBytes);
  std::array<std::uint8_t, LWS_PRE + ringgate::kTcpPong.size()> bytes;
  std::ranges::copy(pong, bytes.data() + LWS_PRE);
  return lws_write(connection, bytes.data() + LWS_PRE, pong.size(), LWS_WRITE_BINARY) >= 0;
}

int on_event(lws* connection, lws_callback_reasons reason, void* user, void* /*in*/,
             std::size_t /*bytes*/) {
  auto* const session = static_cast<Session*>(user);
  if (reason == LWS_CALLBACK_RECEIVE && lws_is_final_fragment(connection) != 0) {
    ++session->owed_pongs;
  } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE && session->owed_pongs > 0) {
    if (!write_pong(connection)) return -1;
    --session->owed_pongs;
  } else {
    return 0;
  }
  if (session->owed_pongs > 0) lws_callback_on_writable(connection);
  return 0;
}

int serve(const std::string& certificate, const std::string& key) {
  const std::array<lws_protocols, 2> protocols = {
      lws_protocols{"heartbeat", on_event, sizeof(Session), 0, 0, nullptr, 0}, lws_protocols{}};
  lws_set_log_level(LLL_ERR, nullptr);
  lws_context_creation_info info{};
  info.iface = "127.0.0.1";
  info.protocols = protocols.data();
  info.ssl_cert_filepath = certificate.c_str();
  info.ssl_private_key_filepath = key.c_str();
  info.tls1_3_plus_cipher_list = "TLS_AES_128_GCM_SHA256";
  info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_LIBUV |
                 LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  lws_context* const served = lws_create_context(&info);
  lws_vhost* const host = served == nullptr ? nullptr : lws_create_vhost(served, &info);
  if (host == nullptr) {
    std::fprintf(stderr, "lws_tls_echo: libwebsockets cannot serve with this certificate\n");
    return 1;
  }
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  std::printf("listening wss 127.0.0.1:%d\n", lws_get_vhost_listen_port(host));
  std::fflush(stdout);
  while (lws_service(served, 0) >= 0) {
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A heartbeat over wss by libwebsockets: answers each message with a pong.",
               "lws_tls_echo"};
  std::string certificate;
  std::string key;
  app.add_option("--cert", certificate, "PEM file")->required();
  app.add_option("--key", key, "PEM file of its key")->required();
  CLI11_PARSE(app, argc, argv);
  return serve(certificate, key);
}
