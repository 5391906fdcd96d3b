// Dialling one link: connect (control/base/dialler.h), and the TLS handshake where the service
// wants one (tls_dial.h). What comes out is a connected, blocking socket on which the greeting has
// been written; over TLS with what its shard goes on from.
//
// Belongs to the control thread and never blocks it. Callbacks come on that thread, exactly once,
// unless the dial is abandoned.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control/base/dialler.h"
#include "control/links/tls_dial.h"
#include "control/tls/client_context.h"
#include "dataplane/counters.h"

namespace ringgate {

// How an error says what is to be done about it. The name is that of a service: it is dialled by an
// address that a registry gave, which says nothing of who is there.
inline constexpr tls::ClientSettings::Names kLinkTlsNames{
    .ca = "LinkTlsCA",
    .insecure = "",
    .certificate = "LinkTlsCert",
    .key = "LinkTlsKey",
    .other_name = "a service's certificate has its ServiceName as a DNS name",
    .no_tls = "the registry says tls=1, but its Listen is not tls://",
};

// Of links over TLS. Written by the control thread, read by any.
struct LinkTlsCounts {
  Cell handshakes;
  Cell failed;
  Cell refused;  // not begun, since there is no context for them
};

class LinkDialler {
 public:
  using DialId = std::uint64_t;
  struct Link {
    UniqueFd fd;
    SocketAddress peer;
    std::unique_ptr<TlsHandover> handover;  // null: it is plain
  };
  using Done = std::function<void(Result<Link>)>;
  struct Tls {
    std::shared_ptr<SSL_CTX> context;  // null: the link is plain
    std::string name;                  // that the peer's certificate has to be for
  };

  // `counts` outlives this.
  LinkDialler(ControlLoop& loop, std::chrono::milliseconds timeout, LinkTlsCounts& counts);
  ~LinkDialler();
  LinkDialler(const LinkDialler&) = delete;
  LinkDialler& operator=(const LinkDialler&) = delete;

  // All of it takes no longer than the timeout.
  DialId dial(const Endpoint& endpoint, std::string greeting, Tls tls, Done done);
  // No callback any more.
  void abandon(DialId id);

 private:
  struct Attempt {
    std::string greeting;
    Tls tls;
    Done done;
    std::chrono::steady_clock::time_point deadline;
    Endpoint endpoint;
    Dialler::DialId dial = 0;
    std::unique_ptr<TlsDial> handshake{};
  };
  void connected(DialId id, Result<DialedSocket> socket);
  void shake_hands(DialId id, DialedSocket socket);
  void end(DialId id, Result<Link> link);

  ControlLoop& loop_;
  std::chrono::milliseconds timeout_;
  LinkTlsCounts& counts_;
  DialId next_ = 1;
  std::map<DialId, Attempt> attempts_;
  Dialler dialler_;
};

}  // namespace ringgate
