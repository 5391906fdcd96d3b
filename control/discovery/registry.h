// Who offers which service, and where. A Registry belongs to one control thread: every call on it
// is made there, and every callback runs there, from subscribe(), from on_ready(), or from the
// control loop for a registry that was given it.
//
// The control loop polls fd() for reading and calls on_ready() when it is readable. Calling
// on_ready() at any other time is allowed and cheap; doing so about once a second also mends what
// no event tells of (a watched directory that was replaced, a file system without notifications).
//
// A registry that has to ask a server (Consul) answers later: no call blocks, and what could not be
// asked or told yet is tried again until it is, which problem() tells of.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/discovery/instance.h"
#include "control/observe/metrics.h"

namespace ringgate {

class Registry {
 public:
  // Gets the complete current list, sorted by id. It may call any function of the registry.
  using Watcher = std::function<void(const std::vector<Instance>&)>;

  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  virtual ~Registry() = default;

  // The services of that name that may be used now, sorted by id. None is not an error. A registry
  // that has to ask knows only the names that are subscribed to, once it has been answered.
  virtual Result<std::vector<Instance>> find(std::string_view name) = 0;

  // Calls watcher with the current list (that is what was "found at start"), then whenever that
  // list changed. No change in between is missed; several may be reported as one. The first call
  // comes before subscribe() returns, or, where a server has to be asked, with its first good
  // answer. A question that fails calls nobody: what was told last stays in use. A second
  // subscription to a name replaces the first.
  virtual Result<void> subscribe(std::string_view name, Watcher watcher) = 0;

  // While a watcher is called: whether its list may lack instances that are there. A server that
  // could not be asked may have lost its memory, and gets it back piece by piece.
  virtual bool may_be_partial(std::string_view /*name*/) const { return false; }

  // No callback for that name after it returns.
  virtual void unsubscribe(std::string_view name) = 0;

  // Takes an id for this process, before anything is done under it. An error where another process
  // lives under it, which says where and since when; what cannot be found out is no error. With
  // `takeover` that is no error either: the id is ours once the other one has ended. It may block,
  // for a second at most where a server has to be asked: so it is called before the loop runs.
  virtual Result<void> claim(const Instance& /*service*/, bool /*takeover*/) { return {}; }

  // Adds the service or replaces what is registered under its id. Where a server has to be told,
  // success means that it will be, as often as it forgets.
  virtual Result<void> register_service(const Instance& service) = 0;

  // Whether a service that register_service() was called for is registered at present, as far as
  // we know.
  virtual bool is_registered(std::string_view /*id*/) const { return true; }

  // Takes back a registration of ours; one that is not there (any more), or is another process's by
  // now, is no error. Where a server
  // has to be told, that is under way when this returns, and the destructor waits a second for it.
  virtual Result<void> deregister(std::string_view id) = 0;

  // A registration of ours is looked after no more, and stays until the process that takes over
  // puts its own in its place.
  virtual void leave(std::string_view /*id*/) {}

  // What the control loop polls for reading; the registry owns it. -1: nothing to poll.
  virtual int fd() const = 0;
  virtual void on_ready() = 0;

  // Why the known services may be out of date, if they may: for /ready and the log.
  virtual std::optional<Error> problem() const = 0;

  // The registry's own series. Any thread.
  virtual void collect(MetricsSnapshot& /*metrics*/) const {}
};

}  // namespace ringgate
