#include "benchmarks/floors/relay_server.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "benchmarks/floors/tag.h"

namespace ringgate::bench {
namespace {

// Above every slot of a table of direct descriptors.
constexpr std::uint32_t kLink = 0xFFFFFF;

}  // namespace

RelayServer::RelayServer(int listener, const Address& service)
    : EchoServer(listener), service_(service) {}

RelayServer::~RelayServer() {
  if (link_ >= 0) close(link_);
}

Result<void> RelayServer::open() {
  if (Result<void> opened = EchoServer::open(); !opened) return opened;
  link_ = open_client_socket(service_, {}, 0);
  if (link_ < 0 || connect(link_, service_.get(), service_.bytes) != 0) {
    return fail(fmt::format("the service at {} cannot be reached: {}", format_address(service_),
                            std::strerror(errno)));
  }
  ring_.arm_recv(link_, false, tag(Kind::kRecv, kLink));
  return {};
}

void RelayServer::on_completion(const io_uring_cqe& cqe) {
  if (number_of(cqe.user_data) != kLink) return EchoServer::on_completion(cqe);
  if (kind_of(cqe.user_data) == Kind::kRecv) return on_answers(cqe);
  sending_ = false;
}

void RelayServer::on_messages(std::uint32_t slot, std::uint32_t count) {
  owed_requests_ += count;
  waiting_.insert(waiting_.end(), count, slot);
}

void RelayServer::on_answers(const io_uring_cqe& cqe) {
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    partial_bytes_ += ring_.take_received(cqe).size();
    for (; partial_bytes_ >= kRelayBytes && !waiting_.empty(); partial_bytes_ -= kRelayBytes) {
      owe(waiting_.front(), 1);
      waiting_.pop_front();
    }
  }
  const bool goes_on = cqe.res > 0 || cqe.res == -ENOBUFS;
  if ((cqe.flags & IORING_CQE_F_MORE) == 0 && goes_on) {
    ring_.arm_recv(link_, false, tag(Kind::kRecv, kLink));
  }
}

void RelayServer::end_batch() {
  EchoServer::end_batch();
  if (sending_ || owed_requests_ == 0) return;
  const std::size_t requests = std::min(owed_requests_, kRequestsPerSend);
  owed_requests_ -= requests;
  sending_ = true;
  io_uring_sqe* const send = ring_.sqe();
  io_uring_prep_send(send, link_, requests_.data(), requests * kRelayBytes,
                     MSG_WAITALL | MSG_NOSIGNAL);
  io_uring_sqe_set_data64(send, tag(Kind::kSend, kLink));
}

namespace {

void answer(int link) {
  std::array<std::uint8_t, 64 * 1024> bytes;
  for (;;) {
    ssize_t left = read(link, bytes.data(), bytes.size());
    if (left <= 0) break;
    for (const std::uint8_t* at = bytes.data(); left > 0;) {
      const ssize_t sent = send(link, at, static_cast<std::size_t>(left), MSG_NOSIGNAL);
      if (sent <= 0) break;
      at += sent;
      left -= sent;
    }
    if (left > 0) break;
  }
  close(link);
}

}  // namespace

Result<void> answer_links(int listener, const std::atomic<bool>& stop) {
  std::vector<std::thread> threads;
  std::vector<int> links;
  while (!stop.load(std::memory_order_relaxed)) {
    pollfd comes{.fd = listener, .events = POLLIN, .revents = 0};
    if (poll(&comes, 1, static_cast<int>(kTickMs)) <= 0) continue;
    const int link = accept(listener, nullptr, nullptr);
    if (link < 0) continue;
    links.push_back(dup(link));  // ours ends it, also when its thread has closed its own
    threads.emplace_back(answer, link);
  }
  for (const int link : links) {
    ::shutdown(link, SHUT_RDWR);
    close(link);
  }
  for (std::thread& thread : threads) thread.join();
  return {};
}

}  // namespace ringgate::bench
