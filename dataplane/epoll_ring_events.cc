// EpollRing: waiting, and going on with what waited.
#include <poll.h>
#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "dataplane/end_process.h"
#include "dataplane/epoll_ring.h"

namespace ringgate {
namespace {

constexpr std::size_t kMostEvents = 512;  // of one turn

}  // namespace

void EpollRing::submit_and_wait(unsigned timeout_ms) {
  std::swap(hot_, heated_);
  for (const std::uint64_t key : heated_) {
    const Key of = Key::unpack(key);
    Place* const place = find(of);
    if (place == nullptr || !std::exchange(place->hot, false)) continue;
    go_on_reading({static_cast<int>(of.index), of.direct}, *place);
  }
  heated_.clear();
  std::array<epoll_event, kMostEvents> events;
  const bool waits = ready_.empty() && hot_.empty();
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                               waits ? static_cast<int>(timeout_ms) : 0);
  if (count < 0 && errno != EINTR) {
    end_process("epoll_wait fails; was it forbidden (seccomp) while this process was running?");
  }
  for (int i = 0; i < count; ++i)
    on_event(events[static_cast<std::size_t>(i)].data.u64,
             events[static_cast<std::size_t>(i)].events);
}

void EpollRing::on_event(std::uint64_t key, std::uint32_t events) {
  const Key of = Key::unpack(key);
  Place* const place = find(of);
  if (place == nullptr) return;
  const File file{static_cast<int>(of.index), of.direct};
  constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 && place->sending != nullptr) {
    go_on_sending(*place);
  }
  if ((events & (EPOLLIN | kEnd)) == 0) return;
  place->readable = true;
  if ((events & kEnd) != 0) place->ended = true;
  go_on_reading(file, *place);
}

void EpollRing::go_on_reading(File file, Place& place) {
  switch (place.input) {
    case Input::kNone:
      if (place.accepting != nullptr) go_on_accepting(place);
      return;
    case Input::kRecvMultishot:
    case Input::kRecv:
      return receive(file, place);
    case Input::kPoll:
      return end_input(place, POLLIN);
    case Input::kPollMultishot:
      return complete(place.input_tag, POLLIN, true);
  }
}

// Once in a turn for each socket, so that nobody who sends much is served before the others.
void EpollRing::receive(File file, Place& place) {
  BufferStack& stack = buffers(place.group);
  if (stack.empty()) return end_input(place, -ENOBUFS);
  const std::uint16_t id = stack.top();
  const MutableBytes buffer = stack.buffer(id);
  const ssize_t bytes = ::recv(place.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (bytes < 0 && errno == EAGAIN) {
    place.readable = false;
    place.ended = false;
    return;
  }
  if (bytes <= 0) return end_input(place, bytes < 0 ? -errno : 0);
  stack.pop();
  const bool more = place.input == Input::kRecvMultishot;
  ready_.push_back({.tag = place.input_tag,
                    .result = static_cast<std::int32_t>(bytes),
                    .more = more,
                    .has_buffer = true,
                    .buffer_id = id});
  if (!more) place.input = Input::kNone;
  // Less than there was room for was all (epoll(7)), but for an end that is still to be read.
  place.readable = place.ended || static_cast<std::size_t>(bytes) == buffer.size();
  if (place.readable && more) heat(file, place);
}

void EpollRing::end_input(Place& place, int result) {
  place.input = Input::kNone;
  complete(place.input_tag, result);
}

void EpollRing::Sending::take(std::size_t bytes) noexcept {
  sent += bytes;
  while (first < pieces.size() && bytes >= pieces[first].iov_len) bytes -= pieces[first++].iov_len;
  if (bytes == 0) return;
  iovec& part = pieces[first];
  part = {static_cast<std::uint8_t*>(part.iov_base) + bytes, part.iov_len - bytes};
}

ssize_t EpollRing::send_some(int fd, std::span<const iovec> pieces) noexcept {
  if (pieces.size() == 1) {
    return ::send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg(2) only reads it
  message.msg_iovlen = pieces.size();
  return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::unique_ptr<EpollRing::Sending> EpollRing::new_sending() {
  if (spare_.empty()) {
    auto made = std::make_unique<Sending>();
    made->pieces.reserve(kMaxPieces);
    return made;
  }
  std::unique_ptr<Sending> taken = std::move(spare_.back());
  spare_.pop_back();
  taken->first = 0;
  taken->sent = 0;
  return taken;
}

void EpollRing::go_on_sending(Place& place) {
  Sending& sending = *place.sending;
  while (sending.first < sending.pieces.size()) {
    const ssize_t bytes = send_some(place.fd, std::span(sending.pieces).subspan(sending.first));
    if (bytes < 0 && errno == EAGAIN) return;
    if (bytes < 0) return end_sending(place, -errno);
    sending.take(static_cast<std::size_t>(bytes));
  }
  end_sending(place, 0);
}

// What was sent counts, also where the rest failed: as io_uring tells it.
void EpollRing::end_sending(Place& place, int error) {
  std::unique_ptr<Sending> ended = std::move(place.sending);
  complete(ended->tag, ended->sent > 0 ? static_cast<int>(ended->sent) : error);
  if (spare_.size() < kMostSpare) spare_.push_back(std::move(ended));
}

void EpollRing::go_on_accepting(Place& place) {
  while (place.readable && !place.accepting->empty()) {
    const Accepting one = place.accepting->front();
    const int result = accept_one(place.fd, one);
    if (result == -EAGAIN) {
      place.readable = false;
      return;
    }
    place.accepting->pop_front();
    complete(one.tag, result);
  }
}

int EpollRing::accept_one(int listen_fd, const Accepting& operation) {
  if (operation.direct && free_.empty()) return -ENFILE;
  const int fd = accept4(listen_fd, reinterpret_cast<sockaddr*>(operation.address),
                         operation.address_bytes, SOCK_CLOEXEC);
  if (fd < 0) return -errno;
  if (!operation.direct) return fd;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  direct_[index].fd = fd;
  return static_cast<int>(index);
}

}  // namespace ringgate
