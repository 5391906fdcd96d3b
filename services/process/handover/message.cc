#include "services/process/handover/message.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ringgate::handover {
namespace {

struct Address {
  sockaddr_un name{};
  socklen_t bytes = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

// A path may be longer than a name: so it is a number made of it (FNV-1a, the same in every build).
Address address_of(std::string_view printed) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : printed) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  }
  const std::string text = fmt::format("ringgate.handover.{:016x}", hash);
  Address address;
  address.name.sun_family = AF_UNIX;
  std::memcpy(address.name.sun_path + 1, text.data(), text.size());  // behind a zero: abstract
  address.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return address;
}

UniqueFd new_socket(int flags) {
  return UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
}

ucred peer_of(int socket) {
  ucred peer{};
  peer.uid = static_cast<uid_t>(-1);
  socklen_t bytes = sizeof peer;
  getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
  return peer;
}

using FilesRoom = std::array<char, CMSG_SPACE(kMaxFiles * sizeof(int))>;

void take_files(msghdr& head, std::vector<UniqueFd>& files) {
  for (cmsghdr* at = CMSG_FIRSTHDR(&head); at != nullptr; at = CMSG_NXTHDR(&head, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
      files.emplace_back(fd);
    }
  }
}

}  // namespace

Result<void> send(int socket, std::string_view text, std::span<const int> files) {
  iovec piece{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) FilesRoom room{};
  msghdr head{};
  head.msg_iov = &piece;
  head.msg_iovlen = 1;
  if (!files.empty()) {
    head.msg_control = room.data();
    head.msg_controllen = CMSG_SPACE(files.size_bytes());
    cmsghdr* const rights = CMSG_FIRSTHDR(&head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(files.size_bytes());
    std::memcpy(CMSG_DATA(rights), files.data(), files.size_bytes());
  }
  if (sendmsg(socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
  return run_error("the other process cannot be told: {}", std::strerror(errno));
}

Received receive(int socket, Message& message) {
  message.files.clear();
  message.text.resize(kMaxText);
  iovec piece{message.text.data(), message.text.size()};
  alignas(cmsghdr) FilesRoom room{};
  msghdr head{};
  head.msg_iov = &piece;
  head.msg_iovlen = 1;
  head.msg_control = room.data();
  head.msg_controllen = room.size();
  const ssize_t got = recvmsg(socket, &head, MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    message.text.clear();
    return Received::kNothingYet;
  }
  if (got > 0) take_files(head, message.files);
  const bool is_whole = (head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  if (got <= 0 || !is_whole) return Received::kEnd;
  message.text.resize(static_cast<std::size_t>(got));
  return Received::kMessage;
}

Result<UniqueFd> listen_for(std::string_view printed) {
  const Address address = address_of(printed);
  UniqueFd fd = new_socket(SOCK_NONBLOCK);
  if (fd && bind(fd.get(), address.get(), address.bytes) == 0 && listen(fd.get(), 4) == 0) {
    return fd;
  }
  return run_error("nobody can take over {}: {}", printed, std::strerror(errno));
}

Result<UniqueFd> connect_to(std::string_view printed) {
  constexpr timeval kPatience{5, 0};  // for each answer
  const Address address = address_of(printed);
  UniqueFd fd = new_socket(0);
  if (!fd) return run_error("cannot ask for a takeover: {}", std::strerror(errno));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (connect(fd.get(), address.get(), address.bytes) == 0) return fd;
  if (errno == ECONNREFUSED) return UniqueFd();
  return run_error("cannot ask who has {} for a takeover: {}", printed, std::strerror(errno));
}

bool is_our_user(int socket) {
  return peer_of(socket).uid == geteuid();
}

int process_of(int socket) {
  return peer_of(socket).pid;
}

}  // namespace ringgate::handover
