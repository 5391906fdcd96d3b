// The channels that have logged in through the played service, in the order of their logins, and
// which link each is reached by: the one its login came by, or, when that has ended, another of the
// same gateway, as soon as there is one.
//
// Owned by the thread of the played service and used by no other. Pointers handed out are valid
// until the next call that changes something.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "benchmarks/ringbench/service_links.h"
#include "codec/text_hash.h"

namespace ringgate::bench {

struct PlayedChannel {
  std::string id;
  std::string account;
  std::string gateway_id;
  std::optional<LinkId> link;
};

class ServiceChannels {
 public:
  // A channel that is there already has logged in again, and is the last one now.
  void add(PlayedChannel channel);
  void remove(std::string_view id);  // one that is not there is no error

  void on_link_up(LinkId link, std::string_view gateway_id);
  // `other`: a link of the same gateway to go on with, if there is one.
  void on_link_down(LinkId link, std::optional<LinkId> other);

  // The one that logged in last; null: nobody of that account is here.
  [[nodiscard]] const PlayedChannel* of_account(std::string_view account) const;
  [[nodiscard]] std::size_t size() const noexcept { return channels_.size(); }
  // Another number after every change.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

  // use(const PlayedChannel&), in the order of logins.
  template <class Use>
  void for_each(Use&& use) const {
    for (const auto& [login, channel] : channels_) use(channel);
  }

 private:
  using Logins = std::unordered_map<std::string, std::uint64_t, TextHash, std::equal_to<>>;

  std::map<std::uint64_t, PlayedChannel> channels_;  // by the number of the login
  Logins by_id_;
  Logins by_account_;
  std::uint64_t next_login_ = 0;
  std::uint64_t version_ = 1;
};

}  // namespace ringgate::bench
