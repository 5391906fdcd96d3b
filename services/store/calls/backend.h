// What a store does with the calls that shards make: implemented once per kind of store, used on
// the store's thread only.
#pragma once

#include <cstdint>

#include "codec/bytes.h"
#include "dataplane/mailbox.h"
#include "services/store/calls/job.h"

namespace ringgate {

class StoreBackend {
 public:
  StoreBackend() = default;
  StoreBackend(const StoreBackend&) = delete;
  StoreBackend& operator=(const StoreBackend&) = delete;
  // What is still under way then stays without an answer.
  virtual ~StoreBackend() = default;

  // A call, to be answered once by StoreThread::answer(), within this or later. One that is past
  // its time does not get here.
  virtual void take(StoreJob& job) = 0;
  // It gets here instead, before it is answered with kTimeout: for what must not be forgotten.
  virtual void on_missed(StoreJob& /*job*/) {}
  // A call of whose success nobody has heard: its caller was told that there is no answer. Undoes
  // what it did, where that can be, and answers it once more.
  virtual void undo(StoreJob& job) = 0;
  // All that had been asked has been taken: time to do it.
  virtual void on_turn_end() {}
  // Mail of a kind of its own. False: it does not know the kind.
  virtual bool on_mail(std::uint32_t /*from*/, MailKind /*kind*/, ByteView /*mail*/) {
    return false;
  }
};

}  // namespace ringgate
