#include "services/logic/channel_queues.h"

#include <fmt/format.h>

#include <utility>

#include "services/logic/counters.h"
#include "services/logic/failures.h"

namespace ringgate {
namespace {

// No exception passes: a request that a handler gives up, in whatever way, is answered.
void answer_if_missing(Request& request) {
  if (!request.answered()) request.fail(Status::kSystemException, "the service gave no answer");
}

void run_plain(const Route& route, Request& request) noexcept {
  try {
    route.plain(request);
  } catch (...) {
    note_exception(request);  // and answered below
  }
  answer_if_missing(request);
}

void refuse(Request& request) {
  request.fail(Status::kNotImplemented, "this service does not know the command");
}

void refuse_full(Request& request, LogicCounter bound, std::string_view text) {
  request.shard().outbox.shard().counters().add(bound);
  request.fail(Status::kSystemException, text);
}

}  // namespace

void ChannelQueues::handle(Request& request) {
  if (!channels_.empty()) {
    if (const auto busy = channels_.find(request.channel_id()); busy != channels_.end()) {
      if (busy->second.waiting.size() >= bounds_.waiting_per_channel) {
        refuse_full(request, LogicCounter::kChannelWaitingFull,
                    fmt::format("{} requests of this client wait for an earlier one, and no more "
                                "may: wait for answers (MaxChannelWaiting of the service)",
                                bounds_.waiting_per_channel));
        return;
      }
      if (auto context = keep(request)) busy->second.waiting.push_back(std::move(context));
      return;
    }
  }
  const Route* const route = router_.find(request.command());
  if (route == nullptr) {
    refuse(request);
  } else if (route->plain) {
    run_plain(*route, request);
  } else if (auto context = keep(request)) {
    Channel& channel = channels_[std::string(request.channel_id())];
    start(channel, std::move(context), *route);
    proceed();
  }
}

std::unique_ptr<Context> ChannelQueues::keep(Request& request) {
  const bool too_many = requests_ >= bounds_.requests;
  if (too_many || request_bytes_ >= bounds_.request_bytes) {
    refuse_full(
        request,
        too_many ? LogicCounter::kServiceRequestsFull : LogicCounter::kServiceRequestBytesFull,
        "the service has too much to do");
    return nullptr;
  }
  auto context = std::make_unique<Context>(request);
  ++requests_;
  request_bytes_ += context->memory_bytes();
  return context;
}

void ChannelQueues::release(std::unique_ptr<Context> context) {
  answer_if_missing(*context);
  --requests_;
  request_bytes_ -= context->memory_bytes();
}

void ChannelQueues::start(Channel& channel, std::unique_ptr<Context> context, const Route& route) {
  Context& running = *context;
  channel.running = std::move(context);
  try {
    running.task = route.coroutine(running);
  } catch (...) {  // there was no memory for its frame
    note_exception(running);
    ended_.push_back(&running);
    return;
  }
  running.task.start(*this, running);
}

void ChannelQueues::on_task_exception(Context& context) noexcept {
  note_exception(context);
}

void ChannelQueues::proceed() {
  while (!ended_.empty()) {
    const Context& ended = *ended_.back();
    ended_.pop_back();
    const auto found = channels_.find(ended.channel_id());
    Channel& channel = found->second;
    release(std::move(channel.running));
    run_waiting(channel);
    if (!channel.running) channels_.erase(found);
  }
}

// Until one of them is under way.
void ChannelQueues::run_waiting(Channel& channel) {
  while (!channel.running && !channel.waiting.empty()) {
    std::unique_ptr<Context> context = std::move(channel.waiting.front());
    channel.waiting.pop_front();
    const Route* const route = router_.find(context->command());
    if (route != nullptr && route->coroutine) {
      start(channel, std::move(context), *route);
      continue;
    }
    if (route == nullptr) {
      refuse(*context);
    } else {
      run_plain(*route, *context);
    }
    release(std::move(context));
  }
}

}  // namespace ringgate
