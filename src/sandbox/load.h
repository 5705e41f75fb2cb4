// Load mode: message webhooks at a fixed pace from many phones, signed as all others, with ids that can be
// checked afterwards. Posts that are refused are counted and not repeated.
//
// An open loop: message n is due at its own time whatever became of those before it, and its answer is timed
// from then. A server that stands still for a second is charged with every message that was due in it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "core/result.h"
#include "platform/http_client.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

enum class LoadKind : std::uint8_t { text, location, button, mixed };

struct LoadPlan {
  int messages_per_second = 1000;  // at most 100,000
  int seconds = 10;                // at most 3,600
  std::uint64_t phones = 1000;     // at most 10,000,000; message n is from phone n modulo this
  std::uint64_t first_phone = 4915100000000;
  std::size_t number = 0;
  std::size_t batch = 1;  // messages in one POST, at most 1,000
  std::size_t max_in_flight =
      256;  // POSTs at once, at most 1,000: what is due beyond them waits and counts as late
  LoadKind kind = LoadKind::text;
};

Result<LoadPlan> read_load_plan(const boost::json::value& given, const World& world);

class Load : public std::enable_shared_from_this<Load> {
 public:
  Load(World& world, Webhooks& webhooks, HttpClient& client, Executor executor)
      : world_(world), webhooks_(webhooks), client_(client), executor_(std::move(executor)) {}

  // conflict while a run is under way or without a callback.
  Result<> begin(const LoadPlan& plan);
  void stop() { running_ = false; }
  void close() { closed_ = true, running_ = false; }  // touches no port any more
  bool running() const { return running_ || in_flight_ > 0; }

  // {"running","run","prefix","planned","sent","acknowledged","refused","failed","late","behind","seconds",
  //  "per_second","p50_ms","p99_ms","max_ms","unacknowledged":[first 100 message numbers]}; "late": messages
  //  that left more than 10 ms after they were due, "behind": the most that were due and had not left.
  boost::json::value report() const;
  // "wamid.LOAD0001-0000000042"
  std::string message_name(std::uint64_t n) const;

 private:
  static Task<> run(std::shared_ptr<Load> self);
  static Task<> post(std::shared_ptr<Load> self, std::uint64_t first, std::size_t count);
  // What is the same in all messages of one phone, written once.
  struct Person {
    std::string contact, sender;
  };
  const Person& person(std::uint64_t n);
  MonotonicTime due_at(std::uint64_t n) const;
  std::string body_of(std::uint64_t first, std::size_t count);
  void append_message(std::string& out, std::uint64_t n, std::string_view now);
  void count(std::uint64_t first, std::size_t messages, Duration took);
  double percentile(double share) const;

  World& world_;
  Webhooks& webhooks_;
  HttpClient& client_;
  Executor executor_;
  LoadPlan plan_;
  bool running_ = false, closed_ = false;
  std::uint32_t run_ = 0;
  std::uint64_t planned_ = 0, sent_ = 0, acknowledged_ = 0, refused_ = 0, failed_ = 0, behind_ = 0, late_ = 0;
  std::size_t in_flight_ = 0;
  MonotonicTime begun_{}, ended_{};
  std::string head_;             // of every body, up to the contacts
  std::vector<Person> people_;   // those met, each at its place
  Person stranger_;              // of more phones than are kept
  std::vector<bool> confirmed_;  // by message
  std::vector<std::uint32_t>
      latencies_;  // POSTs by tenths of a millisecond, the last for all that took longer
  Duration slowest_{};
};

}  // namespace posthorn::sandbox
