// A client's packet on its way to a service, and the gateway's own answers: what a login and every
// later packet have in common.
//
// One per shard, on its thread. Keeps nothing: what is under way is in the upstream's table.
#pragma once

#include <string_view>

#include "codec/packet.h"
#include "services/gateway/parts/context.h"

namespace ringgate {

class Requests {
 public:
  explicit Requests(GatewayContext& context) : context_(context) {}

  struct Header {
    HeaderScan scan;
    HeaderRead read = HeaderRead::kBad;
    std::uint8_t command = 0;  // its index: commands.h
  };
  // Reads a packet's header, and counts the packet. False: the connection is closed over it.
  [[nodiscard]] bool read(Connection& connection, const Packet& packet, Header& header);

  struct Chosen {
    Upstream* upstream = nullptr;  // null: none is connected, which has been counted
    std::uint16_t service = 0;     // in ServiceCounters
  };
  [[nodiscard]] Chosen route(std::string_view service, const SelectionKey& key);

  // What is sent of the header; valid until the next header is read.
  struct Prepared {
    ByteView header;
    bool rewritten = false;  // the identity is in it: no suffix follows
  };
  // False: the connection is closed over it.
  [[nodiscard]] bool prepare(Connection& connection, const Packet& packet, const Header& header,
                             const ClientIdentity& identity, Prepared& prepared);
  // Sends it, and counts what became of it. `tail` is body_length and body.
  [[nodiscard]] SendStatus send(const Chosen& to, OutstandingRequest request,
                                const Prepared& prepared, ByteView suffix, ByteView tail);
  // In a sentence for its client: what is not kOk.
  [[nodiscard]] static std::string_view describe_refusal(SendStatus status) noexcept;
  // For the flight recorder.
  [[nodiscard]] static EventWhy why_of(SendStatus status) noexcept;

  // An answer of the gateway's own: the request's header copied, with `text` in an ErrorResp.
  void answer(Connection& connection, const HeaderScan& scan, Status status,
              std::string_view text = {});

 private:
  void count_failure(SendStatus status);

  GatewayContext& context_;
};

}  // namespace ringgate
