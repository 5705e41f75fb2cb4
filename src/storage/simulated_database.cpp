#include "storage/simulated_database.h"

#include <stdexcept>
#include <vector>

#include "storage/sqlite_writer.h"

namespace posthorn::simulated {

namespace {

void give_up(const Error& reason) {
  throw std::runtime_error(reason.message);
}

Result<std::unique_ptr<SqliteWriter>> open_writer(Disk& disk, const std::string& file_name,
                                                  std::span<const Migration> migrations,
                                                  std::int64_t checkpoint_pages,
                                                  std::function<void(const Error&)> on_fatal) {
  WriterOptions options;
  options.migrations = migrations;
  options.connection = {.vfs = disk.vfs_name(), .single_process = true};
  options.checkpoint_pages = checkpoint_pages;
  options.on_fatal = std::move(on_fatal);
  return SqliteWriter::open(file_name, std::move(options));
}

// Calls wait here for their virtual latency. Shared with the functions given to post_after: what runs after
// the database is gone finds nothing to do.
class Engine : public std::enable_shared_from_this<Engine> {
 public:
  Engine(std::unique_ptr<SqliteWriter> writer, DatabaseOptions options)
      : writer_(std::move(writer)), options_(std::move(options)) {}

  void submit_write(PendingCallPtr call) {
    writes_.push_back(std::move(call));
    if (writes_.size() > 1) return;  // the first has ordered the commit they share
    later(options_.commit_latency, &Engine::commit);
  }
  void submit_read(PendingCallPtr call) {
    reads_.push_back(std::move(call));
    later(options_.read_latency, &Engine::read_one);
  }
  // The process is gone: nobody is answered.
  void drop_all() {
    for (auto* calls : {&writes_, &reads_, &answered_}) {
      for (const auto& call : *calls) call->mailbox->drop(*call);
      calls->clear();
    }
    dropped_ = true;
    if (!running_) writer_.reset();
  }

 private:
  void later(Duration delay, void (Engine::*step)()) {
    options_.post_after(delay, [weak = weak_from_this(), step] {
      if (auto self = weak.lock(); self && !self->dropped_) self->run(step);
    });
  }
  // on_fatal may end the process, and with it the database, while the writer is at work.
  void run(void (Engine::*step)()) {
    std::erase_if(answered_, [](const auto& call) { return call->previous == nullptr; });
    running_ = true;
    (this->*step)();
    running_ = false;
    if (dropped_) writer_.reset();
  }
  void commit() {
    std::vector<PendingCallPtr> group;
    group.swap(writes_);
    writer_->run_group(group);
    answer(group);
    if (!dropped_) writer_->checkpoint_if_due();
  }
  void read_one() {
    PendingCallPtr call = std::move(reads_.front());
    reads_.erase(reads_.begin());
    call->result = writer_->run_read(call->work);
    answer({&call, 1});
  }
  void answer(std::span<const PendingCallPtr> calls) {
    if (dropped_) {
      for (const auto& call : calls) call->mailbox->drop(*call);
      return;
    }
    answered_.insert(answered_.end(), calls.begin(), calls.end());
    complete_calls(calls);
  }

  std::unique_ptr<SqliteWriter> writer_;
  DatabaseOptions options_;
  std::vector<PendingCallPtr> writes_;
  std::vector<PendingCallPtr> reads_;
  std::vector<PendingCallPtr> answered_;  // some of them may not have been handed to their waiters yet
  bool running_ = false;
  bool dropped_ = false;
};

class SimulatedDatabase final : public Database {
 public:
  explicit SimulatedDatabase(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
  ~SimulatedDatabase() override { engine_->drop_all(); }

 protected:
  Task<Result<>> run_write(SqlWork work, Urgency urgency) override {
    return wait_for([e = engine_](PendingCallPtr call) { e->submit_write(std::move(call)); }, std::move(work),
                    urgency);
  }
  Task<Result<>> run_read(SqlWork work) override {
    return wait_for([e = engine_](PendingCallPtr call) { e->submit_read(std::move(call)); }, std::move(work),
                    Urgency::normal);
  }

 private:
  std::shared_ptr<Engine> engine_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_database(Disk& disk, DatabaseOptions options) {
  if (!options.on_fatal) options.on_fatal = &give_up;
  PH_TRY_ASSIGN(auto writer, open_writer(disk, options.file_name, options.migrations,
                                         options.checkpoint_pages, options.on_fatal));
  return std::make_unique<SimulatedDatabase>(std::make_shared<Engine>(std::move(writer), std::move(options)));
}

Result<> inspect(Disk& disk, const std::function<Result<>(Transaction&)>& f, const std::string& file_name,
                 std::span<const Migration> migrations) {
  PH_TRY_ASSIGN(auto writer, open_writer(disk, file_name, migrations, 2000, &give_up));
  auto call = std::make_shared<PendingCall>();
  call->work = [&f](Transaction& tx) { return f(tx); };
  writer->run_group({&call, 1});
  return call->result;
}

}  // namespace posthorn::simulated
