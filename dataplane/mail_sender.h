// The mail that one endpoint of a switchboard sends, and the only place that knows how mail is
// never dropped.
//
// send() takes a message for good: what finds no room waits here, for its endpoint alone, and goes
// in the order sent. Nothing overtakes what waits: until it has gone, reserve() finds no room for
// that endpoint either. How much waits is bounded only by what is sent, so it is a gauge
// (waiting_bytes()). Nothing is allocated while there is room.
//
// Owned and used by the endpoint's thread, except waiting_bytes(). The switchboard outlives it.
#pragma once

#include <cstdint>
#include <list>
#include <vector>

#include "codec/bytes.h"
#include "dataplane/counters.h"
#include "dataplane/switchboard.h"

namespace ringgate {

class MailSender {
 public:
  MailSender(Switchboard& switchboard, std::uint32_t self);
  MailSender(const MailSender&) = delete;
  MailSender& operator=(const MailSender&) = delete;

  // Room for a message that may be dropped, to be filled before flush(). Null: there is none.
  [[nodiscard]] std::uint8_t* reserve(std::uint32_t to, MailKind kind, std::size_t bytes,
                                      Urgency urgency);
  // A message that is never dropped; it may use what the mailbox keeps free for control.
  // `more` follows `head`.
  void send(std::uint32_t to, MailKind kind, ByteView head, ByteView more = {});

  struct Flushed {
    std::uint64_t written = 0;  // messages that went into mailboxes since the last flush
    std::uint32_t woken = 0;    // readers that slept
  };
  // At the end of a turn: what waits goes where there is room now, and what was written becomes
  // visible.
  Flushed flush();

  // Every few seconds: mailboxes that have carried little give memory back, at the next flush.
  void trim();
  // Memory of the mailboxes that are written to here.
  [[nodiscard]] std::size_t mailbox_bytes() const noexcept;

  // How much of the bound of the mailbox to that endpoint has not been read; all, if something
  // waits for room in it.
  [[nodiscard]] std::uint32_t fill_percent(std::uint32_t to) noexcept;

  // Something waits for room: flush() again soon.
  [[nodiscard]] bool is_waiting() const noexcept { return waiting_bytes() != 0; }
  // Memory of what waits. Any thread.
  [[nodiscard]] std::uint64_t waiting_bytes() const noexcept { return waiting_bytes_.get(); }

  // When readers have ended: hands what waits to `use(kind, view)`, and forgets it.
  template <class Use>
  void discard(Use&& use) {
    for (Destination& destination : destinations_) {
      for (const Waiting& message : destination.waiting) use(message.kind, ByteView{message.bytes});
      destination.waiting.clear();
    }
    waiting_bytes_.set(0);
  }

 private:
  struct Waiting {
    MailKind kind = 0;
    std::vector<std::uint8_t> bytes;
    [[nodiscard]] std::size_t memory() const noexcept { return sizeof *this + bytes.size(); }
  };
  struct Destination {
    std::list<Waiting> waiting;  // takes no memory while it is empty
    bool written = false;        // since the last flush
  };

  [[nodiscard]] std::uint8_t* place(std::uint32_t to, MailKind kind, std::size_t bytes,
                                    Urgency urgency);
  // False: something still waits.
  bool retry(std::uint32_t to);

  Switchboard& switchboard_;
  std::uint32_t self_;
  std::vector<Destination> destinations_;  // by endpoint
  std::uint64_t written_ = 0;
  Cell waiting_bytes_;
};

}  // namespace ringgate
