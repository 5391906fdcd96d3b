// What operators see and do on the admin port of a gateway:
//
//   GET  /services               every known instance, its links, what is queued and unanswered,
//   and
//                                how it answered in the last ten seconds
//   GET  /status.json[?since=N]  all that the page /status and `ringgate top` show
//   GET  /channels?account=NAME[&app=NAME], /channels?channel=ID
//                                where that account is logged in: as many as an answer holds, and
//                                how many there are
//   GET  /explain-route?app=&account=[&service=][&channel=]
//                                which instance a packet would go to, and why
//   POST /kick, with the same    tells all of those that they are kicked out, and closes them;
//                                its answer may be cut as well
//
// Requests come on the monitor's threads; each asks the control thread, and through it the shards,
// and waits for their answers for a while. Everything else is for the control thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/base/loop.h"
#include "control/base/mutex.h"
#include "control/config/config.h"
#include "control/http/monitor.h"
#include "control/links/manager.h"
#include "dataplane/shard_group.h"
#include "services/gateway/ejections.h"
#include "services/gateway/mail.h"
#include "services/gateway/status/history.h"
#include "services/gateway/status/status.h"

namespace ringgate {

class JsonWriter;

// What all shards have answered, in rows.
struct ShardAnswers {
  struct One {
    std::uint32_t shard = 0;
    InspectedHead head{};
    std::vector<std::uint8_t> rows;
  };
  std::vector<One> answers;
  std::size_t missing = 0;                         // shards that said nothing in time
  std::map<std::uint16_t, std::string> instances;  // by the low half of their upstream
};

class GatewayAdmin {
 public:
  // All of them outlive this, and the loop runs no more when this goes.
  GatewayAdmin(ControlLoop& loop, ShardGroup& shards, const LinkManager& links,
               const Ejections& ejections, const StatusHistory& history)
      : loop_(loop), shards_(shards), links_(links), ejections_(ejections), history_(history) {}
  GatewayAdmin(const GatewayAdmin&) = delete;
  GatewayAdmin& operator=(const GatewayAdmin&) = delete;

  // A shard's answer: kMailInspected.
  void take(std::uint32_t shard, ByteView message);
  // Instances may have changed: their ids are kept for those that ask of what was.
  void note_instances();

  // Any thread.
  [[nodiscard]] http::Reply services();
  // What is said of the process beside what is counted: see status/status.h.
  [[nodiscard]] http::Reply status(const http::Request& request, const StatusFacts& facts);
  // Of `config`, what does not change while running is read.
  [[nodiscard]] http::Reply explain(const http::Request& request, const Config& config);
  [[nodiscard]] http::Reply channels(const http::Request& request, Inspection inspection);
  // Asks every shard, each with what `adjust` makes of the mail for it. Nothing: the gateway is
  // busy or ending.
  using Adjust = std::function<void(std::uint32_t shard, InspectMail& mail)>;
  [[nodiscard]] std::optional<ShardAnswers> ask_rows(const InspectMail& mail,
                                                     const Adjust& adjust = {});

 private:
  using Answer = std::shared_ptr<std::promise<http::Reply>>;
  struct Question {
    Inspection inspection = Inspection::kLinks;
    Answer answer;
    std::size_t not_answered = 0;                             // shards
    std::map<std::uint32_t, LinkRow> links;                   // by upstream, summed over shards
    std::string channels;                                     // JSON objects with commas between
    std::shared_ptr<std::promise<ShardAnswers>> rows_wanted;  // null: `answer` is wanted
    ShardAnswers rows;
    std::uint64_t channel_count = 0;  // all that were meant
    bool more = false;
    ControlLoop::TimerId timer = 0;
  };

  [[nodiscard]] http::Reply wait_for(const std::function<void(const Answer&)>& begin);
  [[nodiscard]] http::Reply ask(Inspection inspection, const ChannelFilter& filter);
  [[nodiscard]] std::string heaviest();
  Question& begin(InspectMail mail, const Adjust& adjust = {});
  void end(std::uint32_t number);
  static void write_channels(JsonWriter& json, const Question& question);
  void write_services(JsonWriter& json, const Question& question) const;

  ControlLoop& loop_;
  ShardGroup& shards_;
  const LinkManager& links_;
  const Ejections& ejections_;
  const StatusHistory& history_;
  Mutex heaviest_mutex_;
  std::string heaviest_ ABSL_GUARDED_BY(heaviest_mutex_);  // the last answer
  std::chrono::steady_clock::time_point heaviest_at_ ABSL_GUARDED_BY(heaviest_mutex_);
  std::uint32_t next_question_ = 1;
  std::map<std::uint32_t, Question> questions_;
  std::map<std::uint32_t, std::string> instances_;  // ids by upstream; also of some that are gone
};

}  // namespace ringgate
