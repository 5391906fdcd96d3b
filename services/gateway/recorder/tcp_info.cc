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
constexpr std::uint8_t kEstablished = 1;  // of net/tcp_states.h, as the others
constexpr std::uint8_t kTimeWait = 6;
constexpr std::uint8_t kClose = 7;
constexpr std::uint32_t kAllStates = 0xfff & ~(1U << 10U);  // but those that listen
constexpr timeval kPatience{.tv_sec = 1, .tv_usec = 0};

struct Question {
  nlmsghdr head;
  inet_diag_req_v2 asked;
};

Result<void> ask(int netlink, std::uint8_t family, const WhichTcp& which) {
  Question question{};
  question.head.nlmsg_len = sizeof question;
  question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.asked.sdiag_family = family;
  question.asked.sdiag_protocol = IPPROTO_TCP;
  question.asked.idiag_ext = 1U << (INET_DIAG_INFO - 1);
  question.asked.idiag_states = kAllStates;
  question.asked.id.idiag_sport = htons(which.ours.port);
  question.asked.id.idiag_dport = htons(which.peer.port());
  const ssize_t sent = send(netlink, &question, sizeof question, 0);
  if (sent != static_cast<ssize_t>(sizeof question)) {
    return run_error("the kernel tells nothing of sockets: {}", std::strerror(errno));
  }
  return {};
}

// IPv4 is v4-mapped.
PeerAddress::Bytes read_address(const inet_diag_msg& socket, const __be32* from) {
  PeerAddress::Bytes address{};
  if (socket.idiag_family == AF_INET) {
    address[10] = address[11] = 0xff;
    std::memcpy(address.data() + 12, from, 4);
  } else {
    std::memcpy(address.data(), from, address.size());
  }
  return address;
}

bool is_it(const inet_diag_msg& socket, const WhichTcp& which) {
  const bool is_anywhere = which.ours.address == PeerAddress::Bytes{};
  return ntohs(socket.id.idiag_dport) == which.peer.port() &&
         ntohs(socket.id.idiag_sport) == which.ours.port &&
         read_address(socket, socket.id.idiag_dst) == which.peer.bytes() &&
         (is_anywhere || read_address(socket, socket.id.idiag_src) == which.ours.address);
}

// A socket with these addresses.
struct Match {
  std::uint8_t state = 0;
  std::optional<TcpInfo> info;  // not of what is only remembered
};

Match read_match(const nlmsghdr& head, const inet_diag_msg& socket) {
  Match match{socket.idiag_state, {}};
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
      if (match.state != kTimeWait && match.state != kClose) match.info = info;
    }
    const std::size_t step = std::min<std::size_t>(left, RTA_ALIGN(attribute.rta_len));
    at += step;
    left -= step;
  }
  return match;
}

// One datagram of the answer; false: it was the last.
bool look_through(const std::uint8_t* data, std::size_t bytes, const WhichTcp& which,
                  std::vector<Match>& matches) {
  while (bytes >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, data, sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > bytes) return false;
    if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) return false;
    if (head.nlmsg_len >= NLMSG_LENGTH(sizeof(inet_diag_msg))) {
      const auto& socket = *reinterpret_cast<const inet_diag_msg*>(data + NLMSG_HDRLEN);
      if (is_it(socket, which)) matches.push_back(read_match(head, socket));
    }
    const std::size_t step = std::min<std::size_t>(bytes, NLMSG_ALIGN(head.nlmsg_len));
    data += step;
    bytes -= step;
  }
  return true;
}

// Adds what the kernel has of one family.
Result<void> find(std::uint8_t family, const WhichTcp& which, std::vector<Match>& matches) {
  alignas(nlmsghdr) std::array<std::uint8_t, 32 * 1024> answer{};
  const UniqueFd netlink(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (netlink.get() < 0) {
    return run_error("the kernel tells nothing of sockets: {}", std::strerror(errno));
  }
  static_cast<void>(
      setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience));
  if (Result<void> asked = ask(netlink.get(), family, which); !asked) return asked;
  for (;;) {
    const ssize_t bytes = recv(netlink.get(), answer.data(), answer.size(), 0);
    if (bytes <= 0) return {};
    if (!look_through(answer.data(), static_cast<std::size_t>(bytes), which, matches)) return {};
  }
}

// The one that is meant: figures of another one are worse than none.
Result<TcpInfo> choose(const std::vector<Match>& matches, bool is_over) {
  const Match* found = nullptr;
  const Match* remembered = nullptr;
  bool has_other = false;
  for (const Match& match : matches) {
    if (!match.info) {
      remembered = &match;
    } else if (is_over && match.state == kEstablished) {
      has_other = true;
    } else if (found != nullptr) {
      return run_error(
          "several connections come from its address and port: which is its is not "
          "known");
    } else {
      found = &match;
    }
  }
  if (found != nullptr && found->info) return *found->info;
  if (has_other) {
    return run_error("it has ended: another connection comes from its address and port now");
  }
  if (remembered != nullptr) {
    return run_error("it has ended: the kernel only remembers it ({})",
                     kStates[std::min<std::size_t>(remembered->state, kStates.size() - 1)]);
  }
  return run_error("the kernel has no such connection: it has ended, or a proxy is between");
}

}  // namespace

std::vector<LocalPlace> places_of(const std::vector<Listener>& listeners) {
  constexpr std::string_view kAnyOfIpv4 = "0.0.0.0";
  std::vector<LocalPlace> places;
  for (const Listener& listener : listeners) {
    LocalPlace place{PeerAddress::parse(listener.sockets.printed()).bytes(),
                     listener.sockets.port()};
    if (place.address == PeerAddress::parse(kAnyOfIpv4).bytes()) place.address = {};
    places.push_back(place);
  }
  return places;
}

Result<TcpInfo> tcp_info_of(const WhichTcp& which) {
  if (!which.peer.known() || which.peer.port() == 0) return run_error("its port is not known");
  if (which.ours.port == 0) return run_error("it came through a socket in the file system");
  std::vector<Match> matches;
  // Of a listener for both, clients of IPv4 are sockets of IPv6.
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    if (family == AF_INET && !which.peer.is_ipv4()) continue;
    if (Result<void> asked = find(family, which, matches); !asked) {
      return std::unexpected(asked.error());
    }
  }
  return choose(matches, which.is_over);
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
