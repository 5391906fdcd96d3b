#include "tests/simulation/played_service.h"

#include <algorithm>
#include <utility>

#include "services/gateway/commands.h"

namespace ringgate::sim {
namespace {

constexpr std::size_t kMaxFrameBytes = 16 * 1024 * 1024;
constexpr std::uint32_t kMostMetas = 64;

// Channels of the simulation have ids of gateways and accounts without such a line.
std::string_view gateway_of(std::string_view channel) {
  return channel.substr(0, channel.find('_'));
}

}  // namespace

PlayedService::PlayedService(Kernel& kernel, std::uint32_t index)
    : kernel_(kernel), scheduler_(kernel.scheduler()), random_(scheduler_.random), index_(index) {}

void PlayedService::connected(Socket& socket, std::uint32_t epoch, std::string gateway_id) {
  links_.push_back(std::make_unique<Link>());
  links_.back()->socket = &socket;
  links_.back()->epoch = epoch;
  links_.back()->gateway_id = std::move(gateway_id);
}

void PlayedService::turn() {
  for (const auto& link : links_) link->socket->told = false;
  if (scheduler_.now_ns() < stands_until_ns_) return;
  for (std::size_t i = 0; i < links_.size(); ++i) read(*links_[i]);
  std::erase_if(links_, [this](const auto& link) {
    Socket& socket = *link->socket;
    if (!socket.reset && !(socket.in_ended && socket.in.empty())) return false;
    kernel_.close(socket);
    return true;
  });
}

void PlayedService::die() {
  for (const auto& link : links_) {
    if (random_.one_in(2)) {
      kernel_.reset(*link->socket);
    } else {
      kernel_.close(*link->socket);
    }
  }
  links_.clear();
  for (Answer& answer : late_) answer.epoch = 0;  // no link has that
}

void PlayedService::stand_still(std::uint64_t ms) {
  stands_until_ns_ = scheduler_.now_ns() + ms * kMs;
  scheduler_.after(ms * kMs + 1, Actor::kService, index_);
}

// --- In -----------------------------------------------------------------------------------------

void PlayedService::read(Link& link) {
  link.inbox.push(link.socket->in.view());
  kernel_.taken(*link.socket, link.socket->in.size());
  for (;;) {
    const FrameStep step = next_tcp_frame(link.inbox.view(), kMaxFrameBytes);
    if (step.status == FrameStatus::kNeedMore) break;
    if (step.status != FrameStatus::kFrame) {
      scheduler_.fail("a link carries what is no frame");
      return;
    }
    const Frame& frame = step.frame;
    if (frame.opcode == Opcode::kPing) {
      write_tcp_frame_head(link.outbox.extend(kTcpFrameHeadBytes), Opcode::kPong, 0);
    } else if (!link.greeted) {
      link.greeted = true;  // the handshake
    } else if (frame.opcode == Opcode::kBinary) {
      on_packet(link, frame.payload);
    }
    link.inbox.drop(step.consumed);
  }
  send(link);
}

void PlayedService::fail(std::string_view what, const HeaderScan& header) {
  scheduler_.fail(std::string(what) + ": " + std::string(header.command) + " " +
                  std::to_string(header.sequence) + " of " + std::string(header.channel_id));
}

// Where a header is not canonical, protobuf has the word.
bool PlayedService::scan(ByteView bytes, HeaderScan& header) {
  if (scan_header(bytes, kMostMetas, header) == ScanStatus::kCanonical) return true;
  if (!whole_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  header = {};
  header.command = whole_.command();
  header.channel_id = whole_.channelid();
  header.sequence = whole_.sequence();
  const auto note = [](MetaField& field, const pkt::Meta& meta) {
    ++field.count;
    field.value = meta.value();
  };
  for (const pkt::Meta& meta : whole_.meta()) {
    if (meta.key() == kMetaAccount) note(header.account, meta);
    if (meta.key() == kMetaDestServer) note(header.dest_server, meta);
  }
  return true;
}

void PlayedService::on_packet(Link& link, ByteView payload) {
  const Packet packet = parse_packet(payload, kMaxFrameBytes);
  HeaderScan header;
  if (packet.status != PacketStatus::kLogic || !scan(packet.header, header)) {
    scheduler_.fail("a link carries what is no packet");
    return;
  }
  if (header.dest_server.count != 1 || header.dest_server.value != link.gateway_id) {
    fail("a packet does not say once which gateway it is of", header);
  }
  if (gateway_of(header.channel_id) != link.gateway_id) {
    fail("a packet is of a channel of another gateway", header);
  }
  if (header.command == kCommandSignIn) {
    on_signin(link, header);
  } else if (header.command == kCommandSignOut) {
    on_signout(link, header);
  } else {
    on_request(link, header, packet.body);
  }
}

PlayedService::Channel& PlayedService::channel(std::string_view id) {
  const auto found = channels_.find(id);
  return found != channels_.end() ? found->second : channels_[std::string(id)];
}

PlayedService::OnLink& PlayedService::on_link(Channel& channel, std::uint32_t epoch) {
  for (OnLink& one : channel.on_links) {
    if (one.epoch == epoch) return one;
  }
  return channel.on_links.emplace_back(OnLink{epoch, 0, 0});
}

void PlayedService::on_signin(Link& link, const HeaderScan& header) {
  Channel& one = channel(header.channel_id);
  if (std::exchange(one.signed_in, true)) return fail("a channel was signed in twice", header);
  ++account_.signins;
  one.account = header.account.value;
  Answer answer{link.epoch,
                std::string(header.command),
                std::string(header.channel_id),
                {0, header.sequence, link.epoch, 0},
                0,
                Status::kSuccess,
                false};
  if (random_.one_in(faults.fails)) {
    answer.status = random_.one_in(2) ? Status::kUnauthorized : Status::kSystemException;
  } else {
    if (faults.kicks) kick(one.account, header.channel_id);
    of_account_[one.account] = header.channel_id;
    known_.emplace_back(header.channel_id);
  }
  this->answer(link, answer);
}

void PlayedService::on_signout(const Link&, const HeaderScan& header) {
  Channel& one = channel(header.channel_id);
  if (!one.signed_in && !links_are_lost)
    return fail("a channel was signed out that was not signed in", header);
  if (std::exchange(one.signed_out, true)) return fail("a channel was signed out twice", header);
  if (!one.signed_in) return;
  ++account_.signouts;
  if (one.kicked) ++account_.kicked_and_signed_out;
  const auto found = of_account_.find(one.account);
  if (found != of_account_.end() && found->second == header.channel_id) of_account_.erase(found);
}

void PlayedService::kick(const std::string& account, std::string_view by) {
  const auto older = of_account_.find(account);
  if (older == of_account_.end() || older->second == by) return;
  Link* const link = link_to(older->second);
  if (link == nullptr) return;
  Channel& one = channel(older->second);
  one.kicked = true;
  ++account_.kicked;
  add_packet(link->outbox,
             {.command = kCommandSignIn,
              .channel_id = older->second,
              .flag = Flag::kPush,
              .dest_server = link->gateway_id,
              .dest_channels = older->second},
             {});
  if (gateway_of(older->second) != gateway_of(by)) send(*link);  // the other one is sent by read()
  of_account_.erase(older);
}

void PlayedService::on_request(Link& link, const HeaderScan& header, ByteView body) {
  ++requests_;
  Channel& one = channel(header.channel_id);
  OnLink& here = on_link(one, link.epoch);
  Mark mark;
  if (!read_body(body, mark)) return fail("a request's body was changed", header);
  if (mark.sequence != header.sequence) return fail("a request has another's body", header);
  if (header.account.count != 1) return fail("a request says not one account", header);
  if (one.account.empty()) one.account = header.account.value;
  if (one.account != header.account.value) return fail("a request is under another name", header);
  if (header.sequence <= here.last_sequence) {
    return fail("a request came twice, or out of order", header);
  }
  here.last_sequence = header.sequence;
  mark.epoch = link.epoch;
  Answer answer{link.epoch,
                std::string(header.command),
                std::string(header.channel_id),
                mark,
                static_cast<std::uint32_t>(body.size() - sizeof mark),
                Status::kSuccess,
                false};
  if (random_.one_in(faults.fails)) answer.status = Status::kSystemException;
  this->answer(link, answer);
  if (random_.one_in(faults.pushes)) push();
}

// --- Out ----------------------------------------------------------------------------------------

void PlayedService::answer(Link& link, Answer& answer) {
  if (random_.one_in(faults.forgets)) return;
  if (random_.one_in(faults.doubles)) put_off(answer);
  if (random_.one_in(faults.late)) return put_off(std::move(answer));
  say(link, answer);
}

void PlayedService::say(Link& link, const Answer& answer) {
  Mark mark = answer.mark;
  mark.number = ++link.number;
  make_body(body_, mark, answer.filler);
  add_packet(link.outbox,
             {.command = answer.command,
              .channel_id = answer.channel,
              .sequence = mark.sequence,
              .flag = Flag::kResponse,
              .status = answer.status,
              .dest_server = link.gateway_id,
              .dest_channels = answer.channel},
             body_);
}

void PlayedService::put_off(Answer answer) {
  std::uint32_t index = 0;
  if (free_late_.empty()) {
    index = static_cast<std::uint32_t>(late_.size());
    late_.emplace_back();
  } else {
    index = free_late_.back();
    free_late_.pop_back();
  }
  late_[index] = std::move(answer);
  late_[index].waits = true;
  scheduler_.after(random_.below(faults.most_late_ms * kMs), Actor::kAnswer, index_, index);
}

void PlayedService::answer_late(std::uint32_t index) {
  if (!std::exchange(late_[index].waits, false)) return;
  const Answer answer = std::move(late_[index]);
  free_late_.push_back(index);
  Link* const link = link_of(answer.epoch);
  if (link == nullptr) return;
  say(*link, answer);
  send(*link);
}

void PlayedService::push() {
  if (known_.empty()) return;
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t i = random_.between(1, faults.most_receivers); i > 0; --i) {
    // The newest mostly: of the older ones many are gone.
    const std::uint32_t newest =
        std::min<std::uint32_t>(40, static_cast<std::uint32_t>(known_.size()));
    const auto at = static_cast<std::uint32_t>(known_.size()) - 1 - random_.below(newest);
    if (std::ranges::count(chosen, at) != 0) continue;
    chosen.push_back(at);
  }
  // One packet for each gateway that has some of them.
  while (!chosen.empty()) {
    Link* const link = link_to(known_[chosen.front()]);
    const std::string gateway(gateway_of(known_[chosen.front()]));
    const auto others = std::ranges::partition(
        chosen, [&](std::uint32_t at) { return gateway_of(known_[at]) == gateway; });
    if (link != nullptr) push_to(*link, {chosen.begin(), others.begin()});
    chosen.assign(others.begin(), others.end());
  }
}

void PlayedService::push_to(Link& link, const std::vector<std::uint32_t>& chosen) {
  std::string channels;
  for (const std::uint32_t at : chosen) {
    ++on_link(channel(known_[at]), link.epoch).pushes;
    if (!channels.empty()) channels.push_back(',');
    channels += known_[at];
  }
  const std::uint32_t filler =
      random_.one_in(10) ? random_.below(faults.most_push_bytes) : random_.below(100);
  make_body(body_, {kNone, 0, link.epoch, ++link.number}, filler);
  add_packet(link.outbox,
             {.command = "echo.push",
              .flag = Flag::kPush,
              .dest_server = link.gateway_id,
              .dest_channels = channels},
             body_);
  send(link);
}

void PlayedService::send(Link& link) {
  const std::size_t sent = kernel_.write(*link.socket, link.outbox.view());
  link.outbox.drop(sent);
}

PlayedService::Link* PlayedService::link_of(std::uint32_t epoch) {
  const auto found = std::ranges::find(links_, epoch, [](const auto& link) { return link->epoch; });
  return found == links_.end() ? nullptr : found->get();
}

PlayedService::Link* PlayedService::link_to(std::string_view channel) {
  const auto found = std::ranges::find(links_, gateway_of(channel),
                                       [](const auto& link) { return link->gateway_id; });
  return found == links_.end() ? nullptr : found->get();
}

std::uint32_t PlayedService::pushed(std::string_view id, std::uint32_t epoch) const {
  const auto found = channels_.find(id);
  if (found == channels_.end()) return 0;
  for (const OnLink& one : found->second.on_links) {
    if (one.epoch == epoch) return one.pushes;
  }
  return 0;
}

}  // namespace ringgate::sim
