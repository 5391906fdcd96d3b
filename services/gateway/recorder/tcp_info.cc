#include "services/gateway/recorder/tcp_info.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "control/base/json_writer.h"
#include "control/base/unique_fd.h"

namespace ringgate {
namespace {

constexpr std::array<std::string_view, 13> kStates = {
    "unknown", "established", "syn_sent", "syn_received", "fin_wait_1", "fin_wait_2",  "time_wait",
    "closed",  "close_wait",  "last_ack", "listening",    "closing",    "syn_received"};
constexpr std::uint8_t kEstablished = 1;                    // TCP_ESTABLISHED of net/tcp_states.h
constexpr std::uint32_t kAllStates = 0xfff & ~(1U << 10U);  // but those that listen
constexpr timeval kPatience{.tv_sec = 1, .tv_usec = 0};

struct Question {
  nlmsghdr head;
  inet_diag_req_v2 asked;
};

Result<void> ask(int netlink, std::uint8_t family, std::uint16_t peer_port) {
  Question question{};
  question.head.nlmsg_len = sizeof question;
  question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.asked.sdiag_family = family;
  question.asked.sdiag_protocol = IPPROTO_TCP;
  question.asked.idiag_ext = 1U << (INET_DIAG_INFO - 1);
  question.asked.idiag_states = kAllStates;
  question.asked.id.idiag_dport = htons(peer_port);
  const ssize_t sent = send(netlink, &question, sizeof question, 0);
  if (sent != static_cast<ssize_t>(sizeof question)) {
    return run_error("the kernel tells nothing of sockets: {}", std::strerror(errno));
  }
  return {};
}

bool is_peer(const inet_diag_msg& socket, const PeerAddress& peer) {
  PeerAddress::Bytes address{};
  if (socket.idiag_family == AF_INET) {
    address[10] = address[11] = 0xff;
    std::memcpy(address.data() + 12, socket.id.idiag_dst, 4);
  } else {
    std::memcpy(address.data(), socket.id.idiag_dst, address.size());
  }
  return address == peer.bytes() && ntohs(socket.id.idiag_dport) == peer.port();
}

TcpInfo read_info(const nlmsghdr& head, const inet_diag_msg& socket) {
  TcpInfo info;
  info.state = kStates[std::min<std::size_t>(socket.idiag_state, kStates.size() - 1)];
  const auto* const first = reinterpret_cast<const std::uint8_t*>(&socket) + sizeof socket;
  std::size_t left = head.nlmsg_len - NLMSG_LENGTH(sizeof socket);
  for (const std::uint8_t* at = first; left >= sizeof(rtattr);) {
    rtattr attribute{};
    std::memcpy(&attribute, at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > left) break;
    if (attribute.rta_type == INET_DIAG_INFO) {
      tcp_info all{};  // an older kernel tells less
      std::memcpy(&all, at + sizeof attribute,
                  std::min<std::size_t>(attribute.rta_len - sizeof attribute, sizeof all));
      info.rtt_us = all.tcpi_rtt;
      info.retransmits = all.tcpi_total_retrans;
      info.lost = all.tcpi_lost;
      info.unacknowledged = all.tcpi_unacked;
      info.not_sent_bytes = all.tcpi_notsent_bytes;
      info.window_bytes = all.tcpi_snd_wnd;
      info.acknowledged_bytes = all.tcpi_bytes_acked;
      info.since_sent_ms = all.tcpi_last_data_sent;
      info.since_received_ms = all.tcpi_last_data_recv;
      info.since_acknowledged_ms = all.tcpi_last_ack_recv;
    }
    const std::size_t step = std::min<std::size_t>(left, RTA_ALIGN(attribute.rta_len));
    at += step;
    left -= step;
  }
  return info;
}

enum class Found : std::uint8_t { kIt, kMore, kEnd };

// One datagram of the answer. A peer's port may be that of other connections, too, to other ports
// of ours and mostly over: one that is established is the one.
Found look_through(const std::uint8_t* data, std::size_t bytes, const PeerAddress& peer,
                   std::optional<TcpInfo>& info) {
  while (bytes >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, data, sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > bytes) return Found::kEnd;
    if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) return Found::kEnd;
    if (head.nlmsg_len >= NLMSG_LENGTH(sizeof(inet_diag_msg))) {
      const auto& socket = *reinterpret_cast<const inet_diag_msg*>(data + NLMSG_HDRLEN);
      const bool is_it = is_peer(socket, peer);
      const bool is_established = socket.idiag_state == kEstablished;
      if (is_it && (is_established || !info)) info = read_info(head, socket);
      if (is_it && is_established) return Found::kIt;
    }
    const std::size_t step = std::min<std::size_t>(bytes, NLMSG_ALIGN(head.nlmsg_len));
    data += step;
    bytes -= step;
  }
  return Found::kMore;
}

}  // namespace

Result<TcpInfo> tcp_info_of(const PeerAddress& peer) {
  if (!peer.known() || peer.port() == 0) return run_error("its port is not known");
  alignas(nlmsghdr) std::array<std::uint8_t, 32 * 1024> answer{};
  // Of a listener for both, clients of IPv4 are sockets of IPv6.
  std::optional<TcpInfo> info;
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    if (family == AF_INET && !peer.is_ipv4()) continue;
    const UniqueFd netlink(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (netlink.get() < 0) {
      return run_error("the kernel tells nothing of sockets: {}", std::strerror(errno));
    }
    static_cast<void>(
        setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience));
    if (Result<void> asked = ask(netlink.get(), family, peer.port()); !asked) {
      return std::unexpected(asked.error());
    }
    for (;;) {
      const ssize_t bytes = recv(netlink.get(), answer.data(), answer.size(), 0);
      if (bytes <= 0) break;
      const Found found = look_through(answer.data(), static_cast<std::size_t>(bytes), peer, info);
      if (found == Found::kIt && info) return *info;
      if (found != Found::kMore) break;
    }
  }
  if (info) return *info;
  return run_error("the kernel has no such connection: it has ended, or a proxy is between");
}

void write_tcp_info(JsonWriter& json, const TcpInfo& info) {
  json.text("state", info.state);
  json.count("rttUs", info.rtt_us);
  json.count("retransmits", info.retransmits);
  json.count("lost", info.lost);
  json.count("unacknowledged", info.unacknowledged);
  json.count("notSentBytes", info.not_sent_bytes);
  json.count("windowBytes", info.window_bytes);
  json.count("acknowledgedBytes", info.acknowledged_bytes);
  json.count("sinceSentMs", info.since_sent_ms);
  json.count("sinceReceivedMs", info.since_received_ms);
  json.count("sinceAcknowledgedMs", info.since_acknowledged_ms);
}

}  // namespace ringgate
