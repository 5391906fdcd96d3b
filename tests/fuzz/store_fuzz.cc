// What stands in a store that others write into, too, and how a store is named. A location that is
// taken is written as it was read; a URL that is taken is told without its password.
#include <string>
#include <vector>

#include "codec/names.h"
#include "services/store/layout.h"
#include "services/store/redis/url.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

void check_location(std::string_view bytes) {
  const auto location = decode_location(bytes);
  if (!location) return;
  fuzz_check(is_valid_foreign_id(location->channel_id), "a channel that cannot be one");
  fuzz_check(is_valid_foreign_id(location->gateway_id), "a gateway that cannot be one");
  const std::string again = encode_location(*location);
  fuzz_check(bytes == again, "it is written as something else");
  fuzz_check(again.starts_with(location_start(location->channel_id)), "it begins differently");
  static_cast<void>(boot_key_of(*location));
}

// With another password it has the same name.
void check_is_not_told(std::string_view text, const RedisTarget& target) {
  const std::string old = ":" + target.access.password + "@";
  const std::size_t at = text.find(old);
  if (at == std::string_view::npos) return;  // there is none, or it was written another way
  std::string other(text);
  other.replace(at, old.size(), ":another@");
  const std::vector<std::string> urls = {other};
  const auto again = parse_redis_urls(urls, {});
  if (!again || again->access.password != "another") return;  // it stood elsewhere, too
  fuzz_check(again->name() == target.name(), "the name has the password in it");
}

void check_url(std::string_view text) {
  const std::vector<std::string> urls = {std::string(text)};
  const auto target = parse_redis_urls(urls, {});
  if (!target) {
    fuzz_check(target.error().exit_code == 2, "an error of usage has another code");
    fuzz_check(!target.error().message.empty(), "an error without words");
    return;
  }
  fuzz_check(!target->addresses.empty(), "a store of no servers");
  fuzz_check(!target->name().empty(), "a store without a name");
  check_is_not_told(text, *target);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_location(input);
  check_url(input);
  return 0;
}
