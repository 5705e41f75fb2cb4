#include "storage/completion_mailbox.h"

#include <algorithm>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>

namespace posthorn {

namespace {

// The mailboxes of one execution context. Asio shuts services down, newest first, before the context's own
// queue goes.
class MailboxService : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  explicit MailboxService(asio::execution_context& context) : service(context) {}

  std::shared_ptr<CompletionMailbox> of(const Executor& executor) {
    const std::lock_guard lock(mutex_);
    std::erase_if(mailboxes_, [](const auto& m) { return m.expired(); });
    for (const auto& known : mailboxes_) {
      if (auto mailbox = known.lock(); mailbox && mailbox->executor() == executor) return mailbox;
    }
    auto mailbox = std::make_shared<CompletionMailbox>(executor);
    mailboxes_.push_back(mailbox);
    return mailbox;
  }

 private:
  void shutdown() noexcept override {
    std::vector<std::weak_ptr<CompletionMailbox>> mailboxes;
    {
      const std::lock_guard lock(mutex_);
      mailboxes.swap(mailboxes_);
    }
    for (const auto& known : mailboxes) {
      if (auto mailbox = known.lock()) mailbox->shut_down();
    }
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<CompletionMailbox>> mailboxes_;
};

}  // namespace

std::shared_ptr<CompletionMailbox> CompletionMailbox::of(const Executor& executor) {
  return asio::use_service<MailboxService>(asio::query(executor, asio::execution::context)).of(executor);
}

CompletionMailbox::~CompletionMailbox() = default;

void CompletionMailbox::add(PendingCall& call) {
  const std::lock_guard lock(mutex_);
  call.next = head_.next;
  call.previous = &head_;
  if (call.next != nullptr) call.next->previous = &call;
  head_.next = &call;
}

void CompletionMailbox::unlink(PendingCall& call) {
  if (call.previous == nullptr) return;
  call.previous->next = call.next;
  if (call.next != nullptr) call.next->previous = call.previous;
  call.previous = call.next = nullptr;
}

void CompletionMailbox::complete(std::span<const PendingCallPtr> calls) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  ready_.insert(ready_.end(), calls.begin(), calls.end());
  if (posted_) return;
  posted_ = true;
  // Under the lock: shut_down() waits for it, so the context is alive while we post.
  asio::post(executor_, [self = shared_from_this()] { self->deliver(); });
}

void CompletionMailbox::deliver() {
  std::vector<PendingCallPtr> calls;
  {
    const std::lock_guard lock(mutex_);
    posted_ = false;
    calls.swap(ready_);
  }
  for (PendingCallPtr& call : calls) {
    std::move_only_function<void(Result<>)> handler;
    {
      const std::lock_guard lock(mutex_);
      unlink(*call);
      handler = std::move(call->handler);
    }
    Result<> result = std::move(call->result);
    call.reset();
    if (handler) handler(std::move(result));
  }
}

void CompletionMailbox::drop(PendingCall& call) {
  std::move_only_function<void(Result<>)> handler;
  const std::lock_guard lock(mutex_);
  unlink(call);
  handler = std::move(call.handler);
}

void CompletionMailbox::shut_down() {
  std::vector<std::move_only_function<void(Result<>)>> handlers;
  std::vector<PendingCallPtr> ready;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  ready.swap(ready_);
  while (head_.next != nullptr) {
    PendingCall& call = *head_.next;
    unlink(call);
    handlers.push_back(std::move(call.handler));
  }
}

void complete_calls(std::span<const PendingCallPtr> calls) {
  // What the work owns goes while the waiter still holds its own part: the last owner, whose thread ends
  // things that know no locks, is never a database's thread.
  for (const PendingCallPtr& call : calls) call->work = nullptr;
  std::size_t begin = 0;
  while (begin < calls.size()) {
    CompletionMailbox& mailbox = *calls[begin]->mailbox;
    std::size_t end = begin + 1;
    while (end < calls.size() && calls[end]->mailbox.get() == &mailbox) ++end;
    mailbox.complete(calls.subspan(begin, end - begin));
    begin = end;
  }
}

}  // namespace posthorn
