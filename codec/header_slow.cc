#include "codec/header_slow.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/unknown_field_set.h>

#include <array>
#include <cstddef>
#include <limits>
#include <string>

#include "codec/field_walk.h"
#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

// Kept across resets: headers of usual size then cost the arena no allocation.
constexpr std::size_t kArenaBytes = std::size_t{16} * 1024;
// Output above this is given back, so that one huge header does not stay paid for.
constexpr std::size_t kOutputKeptBytes = std::size_t{64} * 1024;

using google::protobuf::Message;
using Metas = google::protobuf::RepeatedPtrField<pkt::Meta>;

MetaField* reserved_field(HeaderScan& scan, std::string_view key) noexcept {
  if (key == kMetaApp) return &scan.app;
  if (key == kMetaAccount) return &scan.account;
  if (key == kMetaDestServer) return &scan.dest_server;
  if (key == kMetaDestChannels) return &scan.dest_channels;
  return nullptr;
}

// A value that nobody knows must not become kString by losing bits.
MetaType meta_type(const pkt::Meta& meta) noexcept {
  switch (meta.type()) {
    case pkt::MetaType::string:
      return MetaType::kString;
    case pkt::MetaType::float_:
      return MetaType::kFloat;
    default:
      return MetaType::kInt;
  }
}

void note_meta(const pkt::Meta& meta, HeaderScan& scan) {
  ++scan.metas;
  MetaField* field = reserved_field(scan, meta.key());
  if (field == nullptr) return;
  scan.has_reserved = true;
  if (field->count++ != 0) return;
  field->type = meta_type(meta);
  field->value = meta.value();
}

// Known numbers with another wire type are unknown fields to protobuf, but lenient decoders look at
// the number alone: what we judged must not be said a second time, differently.
void drop_mistyped(Message& message, int last_number) {
  auto* unknown = message.GetReflection()->MutableUnknownFields(&message);
  if (unknown->empty()) return;
  for (int number = 1; number <= last_number; ++number) unknown->DeleteByNumber(number);
}

template <class Predicate>
void drop_metas(Metas& metas, Predicate drop) {
  int kept = 0;
  for (int i = 0; i < metas.size(); ++i) {
    if (!drop(metas.Get(i).key())) metas.SwapElements(kept++, i);
  }
  metas.DeleteSubrange(kept, metas.size() - kept);
}

void add_meta(Metas& metas, std::string_view key, std::string_view value) {
  pkt::Meta* meta = metas.Add();
  meta->set_key(key.data(), key.size());
  meta->set_value(value.data(), value.size());
  meta->set_type(pkt::MetaType::string);
}

}  // namespace

bool has_more_metas(ByteView header, std::uint32_t max_metas) noexcept {
  FieldWalk walk(header);
  WireField field;
  std::uint32_t metas = 0;
  while (walk.next(field)) {
    const bool meta =
        field.number == pkt::Header::kMetaFieldNumber && field.type == WireType::kBytes;
    if (meta && ++metas > max_metas) return true;
  }
  return false;
}

struct SlowPath::State {
  alignas(std::max_align_t) std::array<char, kArenaBytes> block;
  google::protobuf::Arena arena{block.data(), block.size()};
  pkt::Header* header = nullptr;
  std::string output;

  void start() {
    arena.Reset();
    header = google::protobuf::Arena::CreateMessage<pkt::Header>(&arena);
  }

  void drop_all_mistyped() {
    drop_mistyped(*header, pkt::Header::kMetaFieldNumber);
    for (pkt::Meta& meta : *header->mutable_meta()) {
      drop_mistyped(meta, pkt::Meta::kTypeFieldNumber);
    }
  }

  ByteView serialize() {
    if (output.capacity() > kOutputKeptBytes) std::string().swap(output);
    header->SerializeToString(&output);
    return as_bytes(output);
  }
};

SlowPath::SlowPath() : state_(std::make_unique<State>()) {
  state_->start();
}

SlowPath::~SlowPath() = default;

bool SlowPath::parse(ByteView header, HeaderScan& scan) {
  scan = HeaderScan{};
  state_->start();
  if (header.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return false;
  pkt::Header& message = *state_->header;
  if (!message.ParseFromArray(header.data(), static_cast<int>(header.size()))) {
    state_->start();
    return false;
  }
  scan.command = message.command();
  scan.channel_id = message.channelid();
  scan.dest = message.dest();
  scan.sequence = message.sequence();
  scan.flag = static_cast<std::uint32_t>(message.flag());
  scan.status = static_cast<std::uint32_t>(message.status());
  for (const pkt::Meta& meta : message.meta()) note_meta(meta, scan);
  return true;
}

ByteView SlowPath::rewrite_for_forward(const ClientIdentity& identity) {
  pkt::Header& message = *state_->header;
  state_->drop_all_mistyped();
  message.set_channelid(identity.channel_id.data(), identity.channel_id.size());
  message.set_flag(pkt::Flag::Request);
  message.set_status(pkt::Status::Success);
  Metas& metas = *message.mutable_meta();
  drop_metas(metas, is_reserved_meta);
  add_meta(metas, kMetaApp, identity.app);
  add_meta(metas, kMetaAccount, identity.account);
  add_meta(metas, kMetaDestServer, identity.gateway_id);
  return state_->serialize();
}

ByteView SlowPath::rewrite_for_push() {
  state_->drop_all_mistyped();
  drop_metas(*state_->header->mutable_meta(), [](std::string_view key) {
    return key == kMetaDestServer || key == kMetaDestChannels;
  });
  return state_->serialize();
}

}  // namespace ringgate
