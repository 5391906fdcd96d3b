// What the played service answers to the packets of a link: a sign-in with a LoginResp, a sign-out
// with Success, a talk (where it plays "chat") with a MessageResp and a push to the receiver, and
// anything else with Success and the request's own body. It is no service for people: nobody is
// kicked out, nothing is stored.
//
// Owned by the thread of the played service and used by no other. Knows no sockets: bytes in, and
// bytes out into the room that it is given.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/service_channels.h"
#include "benchmarks/ringbench/tally.h"
#include "codec/header_slow.h"
#include "codec/rewrite.h"

namespace ringgate::bench {

class ServiceAnswers {
 public:
  // Room for exactly so many bytes on a link; null when it has ended.
  using Room = std::function<std::uint8_t*(LinkId, std::size_t)>;

  // All but `room` outlive it. Errors are counted in `tally`.
  ServiceAnswers(const Options& options, ServiceChannels& channels, Tally& tally, Room room);

  void on_packet(LinkId link, std::string_view gateway_id, ByteView payload);

 private:
  // Views of the packet, valid while it is answered.
  struct Request {
    LinkId link;
    std::string_view gateway_id;
    HeaderScan header;
    ByteView body;
  };

  void sign_in(const Request& request);
  void talk(const Request& request);
  void deliver(const Request& request, const PlayedChannel& receiver);  // body_ is what
  void respond(const Request& request, Status status, ByteView body);
  void write(LinkId link, const OutgoingHeader& header, ByteView body);
  void count(ErrorKind kind) { ++tally_.errors[static_cast<std::size_t>(kind)]; }

  const Options& options_;
  const bool talks_;
  ServiceChannels& channels_;
  Tally& tally_;
  Room room_;
  SlowPath slow_;
  std::string body_;  // reused
  std::int64_t next_message_id_;
};

}  // namespace ringgate::bench
