#include "dataplane/mail_sender.h"

#include <cstring>

namespace ringgate {

MailSender::MailSender(Switchboard& switchboard, std::uint32_t self)
    : switchboard_(switchboard), self_(self), destinations_(switchboard.endpoints()) {}

std::uint8_t* MailSender::place(std::uint32_t to, MailKind kind, std::size_t bytes,
                                Urgency urgency) {
  std::uint8_t* const room = switchboard_.box(self_, to).reserve(kind, bytes, urgency);
  if (room == nullptr) return nullptr;
  destinations_[to].written = true;
  ++written_;
  return room;
}

std::uint8_t* MailSender::reserve(std::uint32_t to, MailKind kind, std::size_t bytes,
                                  Urgency urgency) {
  if (!destinations_[to].waiting.empty() && !retry(to)) return nullptr;
  return place(to, kind, bytes, urgency);
}

void MailSender::send(std::uint32_t to, MailKind kind, ByteView head, ByteView more) {
  const std::size_t bytes = head.size() + more.size();
  std::uint8_t* const room = reserve(to, kind, bytes, Urgency::kControl);
  if (room != nullptr) {
    if (!head.empty()) std::memcpy(room, head.data(), head.size());
    if (!more.empty()) std::memcpy(room + head.size(), more.data(), more.size());
    return;
  }
  Destination& destination = destinations_[to];
  Waiting& message = destination.waiting.emplace_back();
  message.kind = kind;
  message.bytes.reserve(bytes);
  message.bytes.assign(head.begin(), head.end());
  message.bytes.insert(message.bytes.end(), more.begin(), more.end());
  waiting_bytes_.add(destination.waiting.back().memory());
}

bool MailSender::retry(std::uint32_t to) {
  std::list<Waiting>& waiting = destinations_[to].waiting;
  while (!waiting.empty()) {
    const Waiting& next = waiting.front();
    std::uint8_t* const room = place(to, next.kind, next.bytes.size(), Urgency::kControl);
    if (room == nullptr) return false;
    if (!next.bytes.empty()) std::memcpy(room, next.bytes.data(), next.bytes.size());
    waiting_bytes_.set(waiting_bytes_.get() - next.memory());
    waiting.pop_front();
  }
  return true;
}

std::uint32_t MailSender::fill_percent(std::uint32_t to) noexcept {
  return destinations_[to].waiting.empty() ? switchboard_.box(self_, to).fill_percent() : 100;
}

void MailSender::trim() {
  for (std::uint32_t to = 0; to < destinations_.size(); ++to) {
    if (to == self_) continue;  // nobody writes to himself
    Mailbox& mailbox = switchboard_.box(self_, to);
    const std::size_t before = mailbox.memory_bytes();
    mailbox.trim();
    if (mailbox.memory_bytes() != before) destinations_[to].written = true;
  }
}

std::size_t MailSender::mailbox_bytes() const noexcept {
  std::size_t bytes = 0;
  for (std::uint32_t to = 0; to < destinations_.size(); ++to) {
    if (to != self_) bytes += switchboard_.box(self_, to).memory_bytes();
  }
  return bytes;
}

MailSender::Flushed MailSender::flush() {
  Flushed flushed;
  for (std::uint32_t to = 0; to < destinations_.size(); ++to) {
    Destination& destination = destinations_[to];
    if (!destination.waiting.empty()) retry(to);
    if (!destination.written) continue;
    destination.written = false;
    if (!switchboard_.publish(self_, to)) continue;
    ++flushed.woken;
    switchboard_.wake(to);
  }
  flushed.written = written_;
  written_ = 0;
  return flushed;
}

}  // namespace ringgate
