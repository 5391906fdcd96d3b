#include "services/gateway/inspection/inspector.h"

#include <fmt/format.h>

#include <cstring>
#include <string>
#include <vector>

#include "control/base/json_writer.h"
#include "services/gateway/channel.h"
#include "services/gateway/inspection/heaviest.h"
#include "services/gateway/parts/kickout.h"

namespace ringgate {
namespace {

// An answer has to fit a mailbox beside what else is in it.
constexpr std::size_t kMaxAnswerBytes = 48 * 1024;

std::string describe_channel(const Connection& connection, const Channel& channel,
                             std::uint32_t shard, std::string_view gateway_id) {
  JsonWriter json;
  json.object("", [&] {
    json.text("channel", channel.id());
    json.text("account", channel.account(gateway_id));
    json.text("app", channel.app());
    json.text("remoteIP", connection.peer.ip());
    json.text("transport", describe(connection.transport));
    json.count("shard", shard);
    json.flag("loggedIn", channel.state == ChannelState::kLoggedIn);
    json.count("outstanding", channel.outstanding);
    json.count("queuedBytes", connection.output.queued_bytes());
  });
  return json.take();
}

bool is_meant(const ChannelFilter& filter, const Channel& channel, std::string_view gateway_id) {
  const auto fits = [](std::string_view wanted, std::string_view is) {
    return wanted.empty() || wanted == is;
  };
  return fits(filter.channel.view(), channel.id()) &&
         fits(filter.account.view(), channel.account(gateway_id)) &&
         fits(filter.app.view(), channel.app());
}

}  // namespace

void Inspector::inspect(const InspectMail& mail) {
  switch (mail.inspection) {
    case Inspection::kLinks:
      return report_links(mail.question);
    case Inspection::kHeaviest:
      return report_heaviest(mail.question);
    case Inspection::kChannels:
    case Inspection::kKick:
      return report_channels(mail);
    case Inspection::kChannel:
      return report_channel(mail);
    case Inspection::kList:
      return report_list(mail);
    case Inspection::kCloses:
      return report_closes(mail);
    case Inspection::kTrace:
      return report_trace(mail, context_.recorder.follow(mail.filter.account.view()));
    case Inspection::kRecorded: {
      const Traces::Trace trace = context_.recorder.recorded(mail.filter.account.view());
      return report_trace(mail, &trace);
    }
  }
}

void Inspector::report_links(std::uint32_t question) {
  InspectedHead head{question, 0, 0};
  std::vector<std::uint8_t> rows;
  context_.upstreams.for_each([&](const Upstream& upstream) {
    const LinkRow row{upstream.id, upstream.outstanding.size(),
                      upstream.link == nullptr ? 0 : upstream.link->output.queued_bytes(),
                      upstream.ejected() ? 1u : 0u};
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&row);
    if (rows.size() + sizeof row > kMaxAnswerBytes) {
      head.more = 1;
      return;
    }
    rows.insert(rows.end(), bytes, bytes + sizeof row);
  });
  context_.shard.mail_surely(context_.shard.control(), kMailInspected, head, rows);
}

void Inspector::report_channels(const InspectMail& mail) {
  InspectedHead head{mail.question, 0, 0};
  std::string rows;
  context_.shard.table().for_each_client([&](Connection& connection) {
    Channel* const channel = connection.open() ? channel_of(connection) : nullptr;
    if (channel == nullptr || !is_meant(mail.filter, *channel, context_.options.gateway_id)) return;
    ++head.channels;
    if (head.more == 0) {
      std::string row = describe_channel(connection, *channel, context_.shard.index(),
                                         context_.options.gateway_id);
      if (rows.size() + row.size() > kMaxAnswerBytes) {
        head.more = 1;
      } else {
        if (!rows.empty()) rows += ", ";
        rows += row;
      }
    }
    if (mail.inspection == Inspection::kKick) kick(connection, *channel);
  });
  context_.shard.mail_surely(context_.shard.control(), kMailInspected, head, as_bytes(rows));
}

void Inspector::report_heaviest(std::uint32_t question) {
  const HeaviestClients clients = heaviest_clients(context_);
  context_.shard.mail_surely(context_.shard.control(), kMailInspected,
                             InspectedHead{question, 0, clients.count}, as_bytes(clients.rows));
}

// As a newer login would, but the session is still this channel's: its sign-out follows.
void Inspector::kick(Connection& connection, Channel& channel) {
  context_.recorder.add(channel, {EventKind::kKicked, EventWhy::kByOperator, 0});
  if (channel.state == ChannelState::kLoggedIn &&
      !push_kickout(context_.shard, connection, channel.id())) {
    return;
  }
  context_.shard.finish(connection, GatewayClose::kKickedByOperator);
}

}  // namespace ringgate
