#include "tests/codec/header_oracle.h"

#include <google/protobuf/unknown_field_set.h>

#include <set>
#include <string_view>
#include <utility>

namespace ringgate {
namespace {

bool parse(std::string_view bytes, pkt::Header& header) {
  return header.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

bool is_dest_meta(std::string_view key) {
  return key == "dest.server" || key == "dest.channels";
}

template <class Drop>
void drop_metas(pkt::Header& header, Drop drop) {
  google::protobuf::RepeatedPtrField<pkt::Meta> kept;
  for (const pkt::Meta& meta : header.meta()) {
    if (!drop(meta.key())) *kept.Add() = meta;
  }
  header.mutable_meta()->Swap(&kept);
}

void add_meta(pkt::Header& header, std::string_view key, std::string_view value) {
  pkt::Meta* meta = header.add_meta();
  meta->set_key(std::string(key));
  meta->set_value(std::string(value));
  meta->set_type(pkt::MetaType::string);
}

const google::protobuf::UnknownFieldSet& unknown_fields(const google::protobuf::Message& message) {
  return message.GetReflection()->GetUnknownFields(message);
}

// What a receiver takes: the first meta of a key.
const pkt::Meta* first_meta(const pkt::Header& header, std::string_view key) {
  for (const pkt::Meta& meta : header.meta()) {
    if (meta.key() == key) return &meta;
  }
  return nullptr;
}

std::string judge_identity(const pkt::Header& header, const ClientIdentity& identity) {
  if (header.channelid() != identity.channel_id) return "another channel id";
  if (header.flag() != 0 || header.status() != 0) return "flag or status of the client";
  const std::pair<std::string_view, std::string_view> expected[] = {
      {"app", identity.app}, {"account", identity.account}, {"dest.server", identity.gateway_id}};
  for (const auto& [key, value] : expected) {
    const pkt::Meta* meta = first_meta(header, key);
    if (meta == nullptr || meta->value() != value || meta->type() != pkt::MetaType::string) {
      return "the first " + std::string(key) + " is not the identity's";
    }
  }
  if (first_meta(header, "dest.channels") != nullptr) return "a dest.channels of the client";
  return {};
}

struct ReservedMetas {
  std::uint32_t count = 0;
  const pkt::Meta* first = nullptr;
};

ReservedMetas count_metas(const pkt::Header& header, std::string_view key) {
  ReservedMetas found;
  for (const pkt::Meta& meta : header.meta()) {
    if (meta.key() == key && found.count++ == 0) found.first = &meta;
  }
  return found;
}

// The types of wire enums as the scan has them: unknown ones only come from the slow path.
MetaType known_type(int type) {
  return type == 1 ? MetaType::kString : type == 2 ? MetaType::kFloat : MetaType::kInt;
}

std::string judge_field(const MetaField& field, const pkt::Header& header, std::string_view key) {
  const ReservedMetas found = count_metas(header, key);
  if (field.count != found.count) return "miscounted " + std::string(key);
  if (found.count == 0) return {};
  if (field.value != found.first->value() || field.type != known_type(found.first->type())) {
    return "misread " + std::string(key);
  }
  return {};
}

std::string judge_scan(const HeaderScan& scan, const pkt::Header& header) {
  if (scan.command != header.command()) return "command differs";
  if (scan.channel_id != header.channelid()) return "channelId differs";
  if (scan.dest != header.dest()) return "dest differs";
  if (scan.sequence != header.sequence()) return "sequence differs";
  if (scan.flag != static_cast<std::uint32_t>(header.flag())) return "flag differs";
  if (scan.status != static_cast<std::uint32_t>(header.status())) return "status differs";
  if (scan.metas != static_cast<std::uint32_t>(header.meta_size())) return "metas differ";
  const std::pair<std::string_view, const MetaField*> fields[] = {
      {"app", &scan.app},
      {"account", &scan.account},
      {"dest.server", &scan.dest_server},
      {"dest.channels", &scan.dest_channels}};
  bool any = false;
  for (const auto& [key, field] : fields) {
    if (std::string wrong = judge_field(*field, header, key); !wrong.empty()) return wrong;
    any = any || field->count != 0;
  }
  return any == scan.has_reserved ? "" : "has_reserved is wrong";
}

// The range of a meta alone is a Header with exactly that meta.
std::string judge_range(ByteView bytes, const MetaField& field, std::string_view key) {
  if (field.count == 0) return {};
  if (field.begin >= field.end || field.end > bytes.size()) return "range of no bytes";
  pkt::Header alone;
  const ByteView range = bytes.subspan(field.begin, field.end - field.begin);
  if (!parse(as_text(range), alone) || alone.meta_size() != 1) return "range is not one meta";
  if (alone.meta(0).key() != key || alone.meta(0).value() != field.value) {
    return "range of another meta";
  }
  alone.clear_meta();
  return alone.ByteSizeLong() == 0 ? "" : "range holds more than the meta";
}

bool has_unknown(const pkt::Header& header) {
  if (!unknown_fields(header).empty()) return true;
  for (const pkt::Meta& meta : header.meta()) {
    if (!unknown_fields(meta).empty()) return true;
  }
  return false;
}

std::string judge_forward(ByteView bytes, const pkt::Header& header) {
  std::string appended(as_text(bytes));
  const Bytes suffix = suffix_of(kOracleIdentity);
  appended += as_text(suffix);
  pkt::Header forwarded;
  if (!parse(appended, forwarded)) return "with the suffix it does not parse";
  if (std::string wrong = judge_identity(forwarded, kOracleIdentity); !wrong.empty()) {
    return "forward: " + wrong;
  }
  const pkt::Header expected = expected_forward(header, kOracleIdentity);
  return forwarded.SerializeAsString() == expected.SerializeAsString()
             ? ""
             : "appending differs from parse, modify, serialize";
}

std::string judge_strip(ByteView bytes, const HeaderScan& scan, const pkt::Header& header) {
  const PushHeader stripped = strip_dest_metas(bytes, scan);
  std::string gathered;
  for (const ByteView piece : stripped.pieces) gathered += as_text(piece);
  if (gathered.size() != stripped.bytes) return "stripped size is wrong";
  pkt::Header pushed;
  if (!parse(gathered, pushed)) return "stripped header does not parse";
  return pushed.SerializeAsString() == expected_push(header).SerializeAsString()
             ? ""
             : "stripping differs from deleting";
}

std::string judge_canonical(ByteView bytes, const HeaderScan& scan, const pkt::Header& header) {
  if (has_unknown(header)) return "canonical with unknown fields";
  if (std::string wrong = judge_scan(scan, header); !wrong.empty()) return "scan: " + wrong;
  const std::pair<std::string_view, const MetaField*> fields[] = {
      {"app", &scan.app},
      {"account", &scan.account},
      {"dest.server", &scan.dest_server},
      {"dest.channels", &scan.dest_channels}};
  for (const auto& [key, field] : fields) {
    if (std::string wrong = judge_range(bytes, *field, key); !wrong.empty()) return wrong;
  }
  if (!scan.has_reserved) return judge_forward(bytes, header);
  if (scan.dest_server.count == 1 && scan.dest_channels.count == 1) {
    return judge_strip(bytes, scan, header);
  }
  return {};
}

// What protobuf writes is canonical, so that ordinary peers stay on the fast path.
bool must_be_canonical(ByteView bytes, const pkt::Header& header) {
  if (has_unknown(header) || header.flag() < 0 || header.status() < 0) return false;
  if (header.meta_size() > static_cast<int>(kOracleMaxMetas)) return false;
  for (const pkt::Meta& meta : header.meta()) {
    if (!pkt::MetaType_IsValid(meta.type())) return false;
  }
  return header.SerializeAsString() == as_text(bytes);
}

// Our fields in a message that also keeps unknown ones.
std::string known_part(pkt::Header header) {
  header.DiscardUnknownFields();
  return header.SerializeAsString();
}

// No unknown field may have the number of a known one.
bool has_mistyped(const pkt::Header& header) {
  const auto any_below = [](const google::protobuf::UnknownFieldSet& unknown, int number) {
    for (int i = 0; i < unknown.field_count(); ++i) {
      if (unknown.field(i).number() <= number) return true;
    }
    return false;
  };
  if (any_below(unknown_fields(header), 7)) return true;
  for (const pkt::Meta& meta : header.meta()) {
    if (any_below(unknown_fields(meta), 3)) return true;
  }
  return false;
}

std::string judge_slow(ByteView bytes, const pkt::Header& header, SlowPath& slow) {
  HeaderScan scan;
  if (!slow.parse(bytes, scan)) return "refuses what protobuf parses";
  if (std::string wrong = judge_scan(scan, header); !wrong.empty()) return wrong;
  pkt::Header forwarded;
  if (!parse(as_text(slow.rewrite_for_forward(kOracleIdentity)), forwarded)) {
    return "its rewrite does not parse";
  }
  if (std::string wrong = judge_identity(forwarded, kOracleIdentity); !wrong.empty()) return wrong;
  if (known_part(forwarded) != known_part(expected_forward(header, kOracleIdentity))) {
    return "its rewrite for forwarding differs";
  }
  if (has_mistyped(forwarded)) return "its rewrite has a known number with another wire type";
  if (!slow.parse(bytes, scan)) return "parses once only";
  pkt::Header pushed;
  if (!parse(as_text(slow.rewrite_for_push()), pushed)) return "its push does not parse";
  if (has_mistyped(pushed)) return "its push has a known number with another wire type";
  return known_part(pushed) == known_part(expected_push(header)) ? "" : "its push differs";
}

}  // namespace

Bytes suffix_of(const ClientIdentity& identity) {
  Bytes suffix(client_suffix_bytes(identity));
  if (write_client_suffix(suffix.data(), identity) != suffix.data() + suffix.size()) suffix.clear();
  return suffix;
}

pkt::Header expected_forward(pkt::Header header, const ClientIdentity& identity) {
  drop_metas(header, is_reserved_meta);
  header.set_channelid(std::string(identity.channel_id));
  header.set_flag(pkt::Flag::Request);
  header.set_status(pkt::Status::Success);
  add_meta(header, "app", identity.app);
  add_meta(header, "account", identity.account);
  add_meta(header, "dest.server", identity.gateway_id);
  return header;
}

pkt::Header expected_push(pkt::Header header) {
  drop_metas(header, is_dest_meta);
  return header;
}

std::string judge_header(ByteView bytes, SlowPath& slow) {
  HeaderScan scan;
  const ScanStatus status = scan_header(bytes, kOracleMaxMetas, scan);
  pkt::Header header;
  if (!parse(as_text(bytes), header)) {
    if (status == ScanStatus::kCanonical) return "canonical, but protobuf refuses it";
    return slow.parse(bytes, scan) ? "slow path: takes what protobuf refuses" : "";
  }
  if (status == ScanStatus::kCanonical) {
    if (std::string wrong = judge_canonical(bytes, scan, header); !wrong.empty()) return wrong;
  } else if (must_be_canonical(bytes, header)) {
    return "protobuf's own encoding is not canonical";
  }
  std::string wrong = judge_slow(bytes, header, slow);
  return wrong.empty() ? wrong : "slow path: " + wrong;
}

}  // namespace ringgate
