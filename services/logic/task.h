// What a coroutine handler returns: `Task talk(Context& context)`.
//
// The service starts it, and destroys it when it has ended or the service ends. On the shard's
// thread only. Within a handler, give every awaitable and every awaited result a name
// (`auto call = sessions.get(id); const auto found = co_await call;`): GCC 12 mishandles some
// temporaries in co_await expressions. No lambda with captures as a coroutine: its captures die
// before it ends. A lambda that calls a coroutine function is fine.
#pragma once

#include <coroutine>
#include <utility>

namespace ringgate {

class Context;

// Is told when a coroutine has reached its end. It must not destroy it within the call.
class TaskOwner {
 public:
  // Before its end, within the catch block of what its coroutine has thrown.
  virtual void on_task_exception(Context& context) noexcept = 0;
  virtual void on_task_end(Context& context) noexcept = 0;

 protected:
  ~TaskOwner() = default;
};

class Task {
 public:
  struct promise_type {
    TaskOwner* owner = nullptr;
    Context* context = nullptr;

    struct End {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> handle) const noexcept {
        const promise_type& promise = handle.promise();
        promise.owner->on_task_end(*promise.context);
      }
      void await_resume() const noexcept {}
    };

    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    End final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    // The request has no answer yet, or has one: its owner sees to the former.
    void unhandled_exception() const noexcept { owner->on_task_exception(*context); }
  };

  Task() = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  void start(TaskOwner& owner, Context& context) {
    handle_.promise().owner = &owner;
    handle_.promise().context = &context;
    handle_.resume();
  }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

}  // namespace ringgate
