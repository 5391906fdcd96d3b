// EpollRing: operations, each tried where it is called.
#include "dataplane/epoll_ring.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/check.h"
#include "dataplane/shortage.h"

namespace ringgate {
namespace {

constexpr std::size_t kCompletionsAtFirst = 4096;

}  // namespace

BufferStack::BufferStack(unsigned count, unsigned buffer_bytes)
    : memory_(std::make_unique_for_overwrite<std::uint8_t[]>(std::size_t{count} * buffer_bytes)),
      buffer_bytes_(buffer_bytes) {
  free_.reserve(count);
  for (unsigned id = count; id > 0; --id) free_.push_back(static_cast<std::uint16_t>(id - 1));
}

EpollRing::EpollRing(int epoll, const RingOptions& options)
    : epoll_(epoll),
      direct_(options.direct_files),
      buffers_{BufferStack{options.client_buffers, options.client_buffer_bytes},
               BufferStack{options.link_buffers, options.link_buffer_bytes}} {
  free_.reserve(direct_.size());
  for (std::size_t i = direct_.size(); i > 0; --i) {
    free_.push_back(static_cast<std::uint32_t>(i - 1));
  }
  ready_.reserve(kCompletionsAtFirst);
  hot_.reserve(kCompletionsAtFirst);
  heated_.reserve(kCompletionsAtFirst);
  spare_.reserve(kMostSpare);
}

Result<std::unique_ptr<Ring>> EpollRing::create(const RingOptions& options) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return fail("no epoll: " + why_no_descriptor(errno));
  return std::unique_ptr<Ring>(new EpollRing(epoll, options));
}

EpollRing::~EpollRing() {
  for (const Place& place : direct_) {
    if (place.fd >= 0) ::close(place.fd);
  }
  ::close(epoll_);
}

EpollRing::Place& EpollRing::place_of(File file) {
  if (file.direct) {
    RINGGATE_CHECK(static_cast<std::size_t>(file.fd) < direct_.size());
    return direct_[static_cast<std::size_t>(file.fd)];
  }
  const auto [found, is_new] = plain_.try_emplace(file.fd);
  if (is_new) {
    found->second.fd = file.fd;
    found->second.generation = plain_generation_++ & kGenerations;
  }
  return found->second;
}

EpollRing::Key EpollRing::key_of(File file, const Place& place) noexcept {
  return {static_cast<std::uint32_t>(file.fd), place.generation, file.direct};
}

EpollRing::Place* EpollRing::find(Key key) {
  Place* place = nullptr;
  if (key.direct) {
    place = &direct_[key.index];
  } else if (const auto found = plain_.find(static_cast<int>(key.index)); found != plain_.end()) {
    place = &found->second;
  }
  return place != nullptr && place->generation == key.generation ? place : nullptr;
}

// Before an operation that waits. Whoever has an ordinary descriptor may have closed it while
// nothing waited for it, and the kernel has forgotten it then: it is asked anew.
int EpollRing::watch(File file, Place& place) {
  if (place.watched && (file.direct || !place.idle())) return 0;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = key_of(file, place).pack();
  const int first = place.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  int result = epoll_ctl(epoll_, first, place.fd, &event);
  if (result != 0 && (errno == ENOENT || errno == EEXIST)) {
    const int other = first == EPOLL_CTL_MOD ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    result = epoll_ctl(epoll_, other, place.fd, &event);
  }
  if (result != 0) return -errno;
  place.watched = true;
  return 0;
}

void EpollRing::complete(std::uint64_t tag, int result, bool more) {
  ready_.push_back({.tag = tag, .result = result, .more = more});
}

void EpollRing::heat(File file, Place& place) {
  if (std::exchange(place.hot, true)) return;
  hot_.push_back(key_of(file, place).pack());
}

void EpollRing::accept_direct(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                              std::uint64_t tag) {
  accept_later(listen_fd, {tag, address, address_bytes, true});
}

void EpollRing::accept(int listen_fd, sockaddr_storage* address, socklen_t* address_bytes,
                       std::uint64_t tag) {
  accept_later(listen_fd, {tag, address, address_bytes, false});
}

// accept(2) has no flag for this one call, so the listener itself does not wait.
void EpollRing::accept_later(int listen_fd, const Accepting& operation) {
  const File file{listen_fd, false};
  Place& place = place_of(file);
  if (place.accepting == nullptr) place.accepting = std::make_unique<std::deque<Accepting>>();
  if (place.accepting->empty()) {
    const int flags = fcntl(listen_fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0) fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK);
    if (const int error = watch(file, place); error != 0) return complete(operation.tag, error);
    place.readable = true;
  }
  place.accepting->push_back(operation);
  if (place.readable) heat(file, place);
}

void EpollRing::read_later(File file, Input input, BufferGroup group, std::uint64_t tag) {
  Place& place = place_of(file);
  RINGGATE_CHECK(place.input == Input::kNone);
  if (const int error = watch(file, place); error != 0) return complete(tag, error);
  place.input = input;
  place.group = group;
  place.input_tag = tag;
  if (place.readable) heat(file, place);
}

void EpollRing::recv_multishot(File file, BufferGroup group, std::uint64_t tag) {
  read_later(file, Input::kRecvMultishot, group, tag);
}

void EpollRing::recv(File file, BufferGroup group, std::uint64_t tag) {
  read_later(file, Input::kRecv, group, tag);
  Place& place = place_of(file);
  if (place.input != Input::kRecv) return;
  place.readable = true;
  receive(file, place);
}

// What is known of the socket may be old: an edge that nobody waited for, or a read that took all.
void EpollRing::poll(File file, std::uint64_t tag) {
  read_later(file, Input::kPoll, BufferGroup::kClients, tag);
  Place& place = place_of(file);
  if (place.input != Input::kPoll) return;
  pollfd one{place.fd, POLLIN | POLLRDHUP, 0};
  if (::poll(&one, 1, 0) > 0) {
    end_input(place, one.revents);
  } else {
    place.readable = false;
  }
}

void EpollRing::poll_multishot(int fd, std::uint64_t tag) {
  read_later({fd, false}, Input::kPollMultishot, BufferGroup::kClients, tag);
}

void EpollRing::look(File file, std::uint64_t tag) {
  std::uint8_t nobodys = 0;
  const ssize_t result =
      ::recv(place_of(file).fd, &nobodys, sizeof nobodys, MSG_PEEK | MSG_DONTWAIT);
  complete(tag, result < 0 ? -errno : static_cast<int>(result));
}

void EpollRing::send(File file, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) {
  const iovec piece{const_cast<std::uint8_t*>(data), bytes};
  send_gather(file, {&piece, 1}, tag);
}

void EpollRing::send_gather(File file, std::span<const iovec> pieces, std::uint64_t tag) {
  RINGGATE_CHECK(pieces.size() <= kMaxPieces);
  Place& place = place_of(file);
  RINGGATE_CHECK(place.sending == nullptr);
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  const ssize_t result = send_some(place.fd, pieces);
  if (result == static_cast<ssize_t>(bytes)) return complete(tag, static_cast<int>(bytes));
  if (result < 0 && errno != EAGAIN) return complete(tag, -errno);
  if (const int error = watch(file, place); error != 0) return complete(tag, error);
  place.sending = new_sending();
  place.sending->tag = tag;
  place.sending->pieces.assign(pieces.begin(), pieces.end());
  if (result > 0) place.sending->take(static_cast<std::size_t>(result));
}

void EpollRing::shutdown(File file, int how, std::uint64_t tag) {
  complete(tag, ::shutdown(place_of(file).fd, how) == 0 ? 0 : -errno);
}

void EpollRing::close(File file, std::uint64_t tag) {
  Place& place = place_of(file);
  end_all(place);
  const int fd = std::exchange(place.fd, -1);
  if (!file.direct) {
    plain_.erase(fd);
  } else {
    const std::uint32_t next = (place.generation + 1) & kGenerations;
    place = Place{};
    place.generation = next;
    free_.push_back(static_cast<std::uint32_t>(file.fd));
  }
  complete(tag, ::close(fd) == 0 ? 0 : -errno);
}

void EpollRing::cancel(std::uint64_t target_tag, std::uint64_t tag) {
  const OpTag target = OpTag::unpack(target_tag);
  bool found = target.kind != OpKind::kAccept && target.slot < direct_.size() &&
               cancel_in(direct_[target.slot], target_tag);
  for (auto place = plain_.begin(); !found && place != plain_.end(); ++place) {
    found = cancel_in(place->second, target_tag);
  }
  complete(tag, found ? 0 : -ENOENT);
}

void EpollRing::set_user_timeout(File file, const std::uint32_t& milliseconds, std::uint64_t) {
  setsockopt(place_of(file).fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

bool EpollRing::cancel_in(Place& place, std::uint64_t tag) {
  if (place.input != Input::kNone && place.input_tag == tag) {
    end_input(place, -ECANCELED);
    return true;
  }
  if (place.sending != nullptr && place.sending->tag == tag) {
    end_sending(place, -ECANCELED);
    return true;
  }
  if (place.accepting == nullptr) return false;
  const auto found = std::ranges::find(*place.accepting, tag, &Accepting::tag);
  if (found == place.accepting->end()) return false;
  place.accepting->erase(found);
  // Who closes a listener that another process has, too, would go on to be told of it.
  if (place.accepting->empty() && std::exchange(place.watched, false)) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, place.fd, nullptr);
  }
  complete(tag, -ECANCELED);
  return true;
}

void EpollRing::end_all(Place& place) {
  if (place.input != Input::kNone) end_input(place, -ECANCELED);
  if (place.sending != nullptr) end_sending(place, -ECANCELED);
  if (place.accepting == nullptr) return;
  for (const Accepting& one : *place.accepting) complete(one.tag, -ECANCELED);
  place.accepting.reset();
}

unsigned EpollRing::reap(std::span<Completion> out) {
  const std::size_t taken = std::min(out.size(), ready_.size() - reaped_);
  std::copy_n(ready_.begin() + static_cast<std::ptrdiff_t>(reaped_), taken, out.begin());
  reaped_ += taken;
  if (reaped_ == ready_.size()) {
    ready_.clear();
    reaped_ = 0;
  }
  return static_cast<unsigned>(taken);
}

MutableBytes EpollRing::received(BufferGroup group, const Completion& completion) const {
  return buffers_[static_cast<std::size_t>(group)]
      .buffer(completion.buffer_id)
      .first(static_cast<std::size_t>(completion.result));
}

void EpollRing::recycle(BufferGroup group, std::uint16_t buffer_id) {
  buffers(group).push(buffer_id);
}

void EpollRing::publish_buffers() {}

// All of them from the start; those at the bottom of the stack are never touched.
std::size_t EpollRing::buffer_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const BufferStack& stack : buffers_) bytes += stack.bytes();
  return bytes;
}

}  // namespace ringgate
