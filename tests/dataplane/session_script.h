// The two sides of the property test: what the peers send and what the handler does with it, and
// how to tell from the bytes a peer got that they are all its own, in order.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tests/dataplane/shard_fixture.h"

namespace ringgate::test {

// What the peer has a right to see next, in the order of its own frames.
struct Demand {
  Opcode opcode;
  std::vector<std::uint8_t> payload;  // of a pong; empty opcode kBinary: the answer to `number`
  std::uint32_t number = 0;
};

// A peer with a script: random frames in random chunks, and one of many ends.
class ScriptedPeer {
 public:
  enum class End : std::uint8_t {
    kEof,
    kReset,
    kResetBehind,  // with the last bytes
    kCloseFrame,
    kBadOpcode,
    kTooLong,
    kSilence,
  };

  ScriptedPeer(FakePeer& peer, Random& random, bool link);
  // One random step: a frame more, a chunk sent, or the end.
  void step();
  // Nothing more comes from it.
  void stop();
  [[nodiscard]] FakePeer& peer() const { return peer_; }
  [[nodiscard]] bool link() const { return link_; }
  [[nodiscard]] const std::deque<Demand>& demands() const { return demands_; }
  // It never resets, reads all there is, and no fault hit it.
  [[nodiscard]] bool healthy() const {
    return !peer_.reset && !peer_.reset_behind && !peer_.broken && peer_.window == SIZE_MAX;
  }
  [[nodiscard]] End end() const { return end_; }

 private:
  void add_frame();
  void send_chunk();
  void finish();

  FakePeer& peer_;
  Random& random_;
  bool link_;
  End end_;
  std::size_t frames_left_;
  std::uint32_t next_number_ = 0;
  std::vector<std::uint8_t> unsent_;
  std::deque<Demand> demands_;
  bool stopped_ = false;
};

// Does random things with its connections and writes down what it appended to each.
class RandomHandler : public Handler {
 public:
  struct Session {
    std::uint32_t peer = 0;
    std::uint32_t next_seq = 0;  // of the frames appended
    std::uint32_t next_packet = 0;
    int closes = 0;
    bool held = false;
    bool had_room = false;  // for a close frame, when it was closed
    bool aborted = false;   // rather than finished
    CloseReason reason;
  };

  explicit RandomHandler(Random& random) : random_(random) {}
  [[nodiscard]] const std::map<std::uint32_t, Session>& sessions() const { return sessions_; }
  void release_all();
  void drop_block();
  // From now on it starts nothing new.
  void calm() { calm_ = true; }

  [[nodiscard]] HandlerNames names() const noexcept override { return kTestNames; }
  void on_start(Shard& shard) override { shard_ = &shard; }
  void on_accept(Connection& connection) override;
  void on_adopt(Connection& connection, const AdoptedFor& what) override;
  void on_packet(Connection& connection, ByteView payload) override;
  void on_close(Connection& connection, CloseReason reason) override;
  void on_deadline(Connection& connection) override;
  void on_mail(std::uint32_t, MailKind, ByteView) override {}
  void on_tick() override;

 private:
  void open(Connection& connection, std::uint32_t peer);
  void append(Connection& connection, std::uint8_t kind, std::uint32_t value, std::size_t filler);
  void push_shared();
  void end_one(Connection& connection);
  void hold(Connection& connection);
  Connection* any();
  static Session& session(Connection& connection) { return *connection.user<Session>(); }

  Random& random_;
  Shard* shard_ = nullptr;
  SharedBlock* block_ = nullptr;
  std::map<std::uint32_t, Session> sessions_;
  std::vector<Connection*> open_;
  bool calm_ = false;
};

// The payload of what the handler appends: peer, kind, value, running number, filler.
inline constexpr std::size_t kAppendHeadBytes = 13;
inline constexpr std::uint8_t kAnswer = 1;
inline constexpr std::uint8_t kPush = 2;
inline constexpr std::uint8_t kFarewell = 3;

// Checks everything a peer got.
void check_received(const ScriptedPeer& peer, const RandomHandler::Session& session);

// The filler of packet `number` of `peer`.
std::uint8_t filler_byte(std::uint32_t peer, std::uint32_t number, std::size_t at);

}  // namespace ringgate::test
