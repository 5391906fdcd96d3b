#include "control/links/link_dialler.h"

#include <algorithm>
#include <utility>

namespace ringgate {

LinkDialler::LinkDialler(ControlLoop& loop, std::chrono::milliseconds timeout,
                         LinkTlsCounts& counts)
    : loop_(loop), timeout_(timeout), counts_(counts), dialler_(loop, timeout) {}

LinkDialler::~LinkDialler() = default;

LinkDialler::DialId LinkDialler::dial(const Endpoint& endpoint, std::string greeting, Tls tls,
                                      Done done) {
  const DialId id = next_++;
  Attempt& attempt = attempts_[id];
  attempt.deadline = std::chrono::steady_clock::now() + timeout_;
  attempt.endpoint = endpoint;
  attempt.done = std::move(done);
  attempt.tls = std::move(tls);
  const bool is_plain = attempt.tls.context == nullptr;
  attempt.greeting = is_plain ? std::string() : greeting;
  attempt.dial =
      dialler_.dial(endpoint, is_plain ? std::move(greeting) : std::string(),
                    [this, id](Result<DialedSocket> socket) { connected(id, std::move(socket)); });
  return id;
}

void LinkDialler::abandon(DialId id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  dialler_.abandon(found->second.dial);
  attempts_.erase(found);
}

void LinkDialler::connected(DialId id, Result<DialedSocket> socket) {
  if (!socket) {
    end(id, std::unexpected(socket.error()));
  } else if (attempts_.at(id).tls.context != nullptr) {
    shake_hands(id, std::move(*socket));
  } else {
    end(id, Link{std::move(socket->fd), socket->peer, nullptr});
  }
}

void LinkDialler::shake_hands(DialId id, DialedSocket socket) {
  Attempt& attempt = attempts_.at(id);
  auto stream =
      tls::ClientStream::begin(attempt.tls.context.get(), {attempt.tls.name, attempt.endpoint.port},
                               kLinkTlsNames, {}, format_endpoint(attempt.endpoint));
  if (!stream) {
    end(id, std::unexpected(stream.error()));
    return;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(attempt.deadline -
                                                                 std::chrono::steady_clock::now());
  attempt.handshake = std::make_unique<TlsDial>(
      loop_, std::move(socket.fd), std::move(*stream), std::move(attempt.greeting),
      [this, id, peer = socket.peer](Result<TlsDial::Sealed> sealed) {
        (sealed ? counts_.handshakes : counts_.failed).add(1);
        if (sealed) {
          end(id, Link{std::move(sealed->fd), peer, std::move(sealed->handover)});
        } else {
          end(id, std::unexpected(sealed.error()));
        }
      });
  attempt.handshake->start(std::max(left, std::chrono::milliseconds(1)));
}

void LinkDialler::end(DialId id, Result<Link> link) {
  const auto found = attempts_.find(id);
  const Attempt attempt = std::move(found->second);  // ends with this: its handshake called us
  attempts_.erase(found);
  attempt.done(std::move(link));
}

}  // namespace ringgate
