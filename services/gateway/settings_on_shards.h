// What reloads have sent to the shards.
#pragma once

#include "control/links/on_shards.h"
#include "services/gateway/mail.h"

namespace ringgate {

// taken(): kMailSettingsTaken.
using SettingsOnShards = OnShards<GatewaySettings, Taken::kCopied>;

}  // namespace ringgate
