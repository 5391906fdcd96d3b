#include "services/gateway/channel.h"

#include <array>
#include <chrono>
#include <new>
#include <random>

#include "control/routing/selector.h"
#include "dataplane/check.h"

namespace ringgate {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";

void append_digits(std::string& text, std::uint64_t value, std::size_t digits) {
  for (std::size_t i = digits; i > 0; --i) {
    text.push_back(kDigits[(value >> (5 * (i - 1))) & 31]);
  }
}

constexpr std::array<std::int8_t, 256> make_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<std::uint8_t>(kDigits[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}
constexpr std::array<std::int8_t, 256> kValues = make_values();

// False when a character is no digit.
bool read_digits(std::string_view text, std::uint64_t& value) noexcept {
  value = 0;
  for (const char c : text) {
    const std::int8_t digit = kValues[static_cast<std::uint8_t>(c)];
    if (digit < 0) return false;
    value = (value << 5) | static_cast<std::uint64_t>(digit);
  }
  return true;
}

}  // namespace

Channel* Channel::create(BlockPool& pool, const ClientIdentity& identity) {
  const std::size_t suffix_bytes = client_suffix_bytes(identity);
  const Block block = pool.try_take(sizeof(Channel) + suffix_bytes);
  if (block.data == nullptr) return nullptr;
  auto* const channel = new (block.data) Channel;
  channel->block_bytes = static_cast<std::uint16_t>(block.capacity);
  channel->suffix_bytes = static_cast<std::uint16_t>(suffix_bytes);
  const ClientSuffixTexts texts = client_suffix_texts(identity);
  channel->id_at = static_cast<std::uint8_t>(texts.channel_id_at);
  channel->app_at = static_cast<std::uint16_t>(texts.app_at);
  channel->id_bytes = static_cast<std::uint16_t>(identity.channel_id.size());
  channel->account_bytes = static_cast<std::uint8_t>(identity.account.size());
  channel->app_bytes = static_cast<std::uint8_t>(identity.app.size());
  channel->channel_crc = crc32_ieee(identity.channel_id);
  write_client_suffix(block.data + sizeof(Channel), identity);
  return channel;
}

void Channel::destroy(BlockPool& pool, Channel* channel) noexcept {
  if (channel->waiting != nullptr) {
    channel->waiting->clear(pool);
    pool.give(
        {reinterpret_cast<std::uint8_t*>(channel->waiting), BlockPool::capacity_of(sizeof(Carry))});
  }
  pool.give({reinterpret_cast<std::uint8_t*>(channel), channel->block_bytes});
}

std::string_view Channel::id() const noexcept {
  return as_text(suffix()).substr(id_at, id_bytes);
}

std::string_view Channel::account(std::string_view gateway_id) const noexcept {
  return id().substr(gateway_id.size() + 1, account_bytes);
}

std::string_view Channel::app() const noexcept {
  return as_text(suffix()).substr(app_at, app_bytes);
}

std::string make_channel_nonce() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  std::random_device random;
  std::string nonce;
  // Of these 50 bits the first is 0: it tells services that such a boot lives as long as its
  // gateway says so (is_valid_boot). The others last for 34 years.
  constexpr std::uint64_t kMsBits = (std::uint64_t{1} << 40U) - 1;
  append_digits(nonce, ((ms & kMsBits) << 9) | (random() & 511u), kChannelNonceDigits);
  return nonce;
}

std::string make_channel_id(std::string_view gateway_id, std::string_view account,
                            std::string_view nonce, std::uint32_t shard, std::uint32_t slot,
                            std::uint64_t login) {
  RINGGATE_CHECK(shard < kMaxShards && slot < kMaxSlots && nonce.size() == kChannelNonceDigits);
  std::string id;
  id.reserve(gateway_id.size() + account.size() + 2 + kChannelUniqueDigits);
  id.append(gateway_id).append("_").append(account).append("_").append(nonce);
  append_digits(id, shard, 2);
  append_digits(id, slot, 4);
  append_digits(id, login, 9);
  return id;
}

std::string_view account_of(std::string_view channel_id, std::string_view gateway_id) noexcept {
  const std::size_t around = gateway_id.size() + 2 + kChannelUniqueDigits;
  if (channel_id.size() <= around) return {};
  return channel_id.substr(gateway_id.size() + 1, channel_id.size() - around);
}

std::optional<ChannelPlace> place_of(std::string_view channel_id, std::string_view nonce) noexcept {
  if (channel_id.size() <= kChannelUniqueDigits) return std::nullopt;
  const std::string_view unique = channel_id.substr(channel_id.size() - kChannelUniqueDigits);
  if (unique.substr(0, kChannelNonceDigits) != nonce) return std::nullopt;
  std::uint64_t shard = 0;
  std::uint64_t slot = 0;
  std::uint64_t login = 0;
  const std::string_view place = unique.substr(kChannelNonceDigits);
  if (!read_digits(place.substr(0, 2), shard) || !read_digits(place.substr(2, 4), slot) ||
      !read_digits(place.substr(6), login)) {
    return std::nullopt;
  }
  return ChannelPlace{static_cast<std::uint32_t>(shard), static_cast<std::uint32_t>(slot),
                      static_cast<std::uint32_t>(login)};
}

}  // namespace ringgate
