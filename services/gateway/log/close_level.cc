#include "services/gateway/log/close_level.h"

#include <array>
#include <cstddef>

namespace ringgate {
namespace {

constexpr auto kWarn = LogLevel::kWarn;
constexpr auto kInfo = LogLevel::kInfo;
constexpr auto kDebug = LogLevel::kDebug;

using Own = CloseReason::Own;
using Of = GatewayClose;

constexpr auto kOfShards = std::to_array<CloseMeaning<Own>>({
    {Own::kNone, kDebug, "nobody", "it has not ended"},
    {Own::kPeerClosed, kDebug, "the client", "it has gone, without a close frame"},
    {Own::kPeerCloseFrame, kDebug, "the client", "it has gone, with a close frame"},
    {Own::kPeerReset, kDebug, "the client", "it has gone, with a reset"},
    {Own::kSendFailed, kDebug, "the network", "the kernel could not send"},
    {Own::kBadFrame, kInfo, "the gateway", "what came is no frame of the protocol"},
    {Own::kFrameTooLong, kInfo, "the gateway", "a frame, or a message of several, is too long"},
    {Own::kIdleTimeout, kDebug, "the gateway", "nothing came for `IdleTimeout`"},
    {Own::kWriteTimeout, kWarn, "the gateway",
     "for `WriteTimeout` a send was not taken, or what was sent not acknowledged"},
    {Own::kSlowConsumer, kWarn, "the gateway",
     "more than `MaxQueuedBytes` of pushes, or `MaxQueuedAnswerBytes` with what it had asked for, "
     "waited for a client that did not read"},
    {Own::kDraining, kDebug, "the gateway", "it is about to end: SIGTERM or POST /drain"},
    {Own::kTooManyFromAddress, kWarn, "the gateway",
     "`MaxConnectionsPerAddress`; the log has those whose address a proxy told, the others are "
     "only counted"},
    {Own::kBadProxyHeader, kWarn, "the gateway",
     "what a trusted proxy sent first is no PROXY header"},
    {Own::kUpgradeRefused, kInfo, "the gateway",
     "a WebSocket handshake with the wrong path, origin or version"},
    {Own::kTextMessage, kInfo, "the gateway", "a text message: packets are in binary ones"},
    {Own::kBadText, kInfo, "the gateway", "what has to be UTF-8 is not"},
    {Own::kProxyHeaderTooLong, kWarn, "the gateway",
     "what a trusted proxy sent first is longer than a PROXY header may be"},
    {Own::kTooManyLinks, kWarn, "the gateway",
     "a link to a service that there is no room for (`MaxLinks`)"},
    {Own::kNoMemory, kWarn, "the gateway",
     "the system gave no memory for what it sent or was to be sent"},
    {Own::kTlsHandshakeFailed, kInfo, "the gateway",
     "a TLS handshake failed for a reason that has no name here"},
    {Own::kTlsPlainText, kInfo, "the gateway", "what came at a TLS listener is no TLS"},
    {Own::kTlsVersion, kInfo, "the gateway", "the client has no version of TLS from `TlsMin` on"},
    {Own::kTlsNoCommonCipher, kInfo, "the gateway", "the client has none of the cipher suites"},
    {Own::kTlsClientCertificate, kInfo, "the gateway",
     "a client's certificate that `TlsClientCA` wants is not good for a reason that has no name "
     "here: it is not valid yet, say"},
    {Own::kTlsNoClientCertificate, kInfo, "the gateway",
     "the client has sent no certificate, and `TlsClientCA` wants one"},
    {Own::kTlsClientCertificateAuthority, kInfo, "the gateway",
     "who signed the client's certificate is not trusted"},
    {Own::kTlsClientCertificateExpired, kInfo, "the gateway",
     "the client's certificate has expired"},
    {Own::kTlsClientCertificatePurpose, kInfo, "the gateway",
     "the client's certificate has extended key usages without `clientAuth`"},
    {Own::kTlsPeerAlert, kInfo, "the client",
     "it has sent an alert: most often it does not trust the certificate"},
    {Own::kTlsBadRecord, kInfo, "the gateway", "a TLS record that could not be opened"},
});
static_assert(is_complete<Own>(kOfShards), "a row for each");

constexpr auto kOfGateway = std::to_array<CloseMeaning<Of>>({
    {Of::kBadPacket, kInfo, "the gateway", "a frame whose packet makes no sense"},
    {Of::kHeaderTooLong, kInfo, "the gateway", "a packet's header is longer than one may be"},
    {Of::kTooManyMetas, kInfo, "the gateway", "a packet's header has too many metas"},
    {Of::kNotALogin, kInfo, "the gateway", "the first packet was something else"},
    {Of::kLoginTimeout, kDebug, "the gateway",
     "no login came in `LoginWait`, in which a TLS handshake and an upgrade have to be done, too"},
    {Of::kLoginRefused, kDebug, "the gateway",
     "the token is not good, or the login service said no; the log has `login_refused` with why"},
    {Of::kLoginAnswerTimeout, kInfo, "the gateway", "the login service did not answer in time"},
    {Of::kNoLoginService, kInfo, "the gateway",
     "no login service is connected, or its link broke before it had answered"},
    {Of::kTokenExpired, kDebug, "the gateway", "the token's `exp` has passed, and `TokenGrace`"},
    {Of::kKickedOut, kDebug, "the login service", "the account logged in elsewhere"},
    {Of::kKickedByOperator, kInfo, "somebody", "POST /kick"},
    {Of::kEvacuated, kDebug, "somebody", "POST /evacuate: fewer clients are to be here"},
    {Of::kLinkRemoved, kDebug, "the gateway", "a link to a service that is not wanted any more"},
    {Of::kLoginsTooOften, kDebug, "the gateway",
     "its account has logged in more than `LoginsPerAccount` times in ten seconds, or its address "
     "more than `LoginsPerAddress`, or all together more often than `LoginRate` lets them; the log "
     "has `login_refused` with this reason"},
    {Of::kCrowdedOut, kWarn, "the gateway",
     "half of the places of `LoginReserve` were taken, and of those who had not logged in it had "
     "been "
     "there longest"},
    {Of::kAddressRefused, kInfo, "the gateway", "it came from an address of `RefusedAddresses`"},
    {Of::kMemoryFull, kWarn, "the gateway",
     "`MaxMemory` was nearly used up, and it had not logged in and had sent part of a frame, or "
     "most waited for it; or all was used up when it came"},
});
static_assert(is_complete<Of>(kOfGateway), "a row for each");

}  // namespace

std::span<const CloseMeaning<CloseReason::Own>> meanings_of_shard_closes() noexcept {
  return kOfShards;
}

std::span<const CloseMeaning<GatewayClose>> meanings_of_gateway_closes() noexcept {
  return kOfGateway;
}

LogLevel close_level(CloseReason reason) noexcept {
  const std::size_t index = reason.index();
  if (index < kOfShards.size()) return kOfShards[index].level;
  const std::size_t of_gateway = index - kOfShards.size();
  return of_gateway < kOfGateway.size() ? kOfGateway[of_gateway].level : kDebug;
}

}  // namespace ringgate
