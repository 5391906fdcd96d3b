#include "control/config/effective.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/base/json_writer.h"
#include "control/base/text.h"
#include "control/config/keys.h"
#include "control/config/secrets.h"
#include "control/config/value_text.h"

namespace ringgate {
namespace {

void tell_source(const ConfigKey& key, const Config& config, EffectiveValue& row) {
  const auto given = config.given.find(key.name);
  if (given != config.given.end()) {
    const bool is_file = given->second.source == ValueSource::kFile;
    row.source = is_file ? "file" : "environment";
    row.line = given->second.line;
    if (!is_file) row.name = environment_name(key.name);
    return;
  }
  const ConfigKey* const file_key = file_key_of(key);
  if (file_key != nullptr && config.given.contains(file_key->name)) {
    row.source = "secret file";
    row.name = value_text(*file_key, config);
    return;
  }
  row.source = "default";
  if (row.value.empty() || row.value == "0") row.means = key.default_text;
}

std::string source_text(const EffectiveValue& row) {
  if (row.line != 0) return fmt::format("{}:{}", row.source, row.line);
  return row.name.empty() ? row.source : fmt::format("{} {}", row.source, printable(row.name));
}

std::string shown_value(const EffectiveValue& row) {
  std::string text = printable(row.value);
  if (!row.means.empty()) text += fmt::format("{}({})", text.empty() ? "" : " ", row.means);
  return text.empty() ? "-" : text;
}

}  // namespace

std::vector<EffectiveValue> effective_values(const Config& config, ProcessRole role) {
  std::vector<EffectiveValue> rows;
  for (const ConfigKey& key : config_keys()) {
    EffectiveValue row;
    row.key = key.name;
    row.value = masked_value_text(key, config);
    row.is_secret = is_secret(key);
    row.is_heeded = is_heeded(key, role);
    tell_source(key, config, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string effective_text(const Config& config, ProcessRole role) {
  std::string text;
  for (const EffectiveValue& row : effective_values(config, role)) {
    text += fmt::format("{:<28} {:<32} {}{}\n", row.key, shown_value(row), source_text(row),
                        row.is_heeded ? "" : fmt::format(", not heeded by a {}", role_name(role)));
  }
  for (const std::string& notice : config.notices) text += "note: " + notice + "\n";
  return text;
}

std::string effective_json(const Config& config, ProcessRole role) {
  JsonWriter json(3);
  json.object("", [&] {
    json.text("role", role_name(role));
    json.array("keys", [&] {
      for (const EffectiveValue& row : effective_values(config, role)) {
        json.object("", [&] {
          json.text("key", row.key);
          json.text("value", row.value);
          json.text("source", row.source);
          if (row.line != 0) json.count("line", row.line);
          if (!row.name.empty()) json.text("name", row.name);
          if (!row.means.empty()) json.text("means", row.means);
          if (row.is_secret) json.flag("secret", true);
          json.flag("heeded", row.is_heeded);
        });
      }
    });
    json.array("notices", [&] {
      for (const std::string& notice : config.notices) json.text("", notice);
    });
  });
  return json.take() + "\n";
}

}  // namespace ringgate
