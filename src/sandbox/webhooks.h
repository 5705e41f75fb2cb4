// Webhooks from Meta to the business: batched, signed over the raw body, posted with bounded concurrency,
// repeated with back-off until they are acknowledged, and disturbed on purpose.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "platform/crypto.h"
#include "platform/http_client.h"
#include "sandbox/sandbox.h"
#include "sandbox/wakeup.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

enum class UpdateKind : std::uint8_t { sent, delivered, read, failed, change };

// One element of a webhook; statuses are rendered only when they are posted.
struct Update {
  UpdateKind kind = UpdateKind::change;
  MessageId message = 0;
  int error = 0;
  WallTime at;
  std::shared_ptr<const std::string> change;  // a whole element of `changes`
};

class Webhooks : public std::enable_shared_from_this<Webhooks> {
 public:
  Webhooks(World& world, HttpClient& client, Executor executor);

  void start() {
    started_ = true;
    pump();
  }
  void stop();  // after this neither the World nor the ports are touched any more

  void status(MessageId message, UpdateKind kind, int error = 0);
  void change(std::string_view field, std::string_view value);  // value: a JSON object
  // Posts what is ready. Called once after a group of status() and change().
  void pump();

  void set_callback(std::string url);
  void set_secret(const Secret& secret) { sign_ = HmacSha256(secret); }
  // Meta's verification GET; an error says what the callback answered.
  Task<Result<>> verify(std::string url, Secret verify_token);

  WebhookStats stats() const;
  bool idle() const { return waiting_ == 0; }
  void clear();  // forgets everything that has not been posted

 private:
  struct Batch {
    std::vector<Update> updates;
    std::uint32_t epoch = 0;
    int attempts = 0;
    MonotonicTime first_attempt{};
  };
  void emit(Update update);
  void enqueue(Update update);
  void wake();
  bool front_is_ready() const;
  Batch next_batch();
  void launch(Batch batch);
  static Task<> post(std::shared_ptr<Webhooks> self, Endpoint endpoint, HttpRequest request, Batch batch);
  void settle(Batch batch, bool acknowledged);

  World& world_;
  HttpClient& client_;
  Executor executor_;
  Wakeup wakeup_;
  HmacSha256 sign_;
  std::optional<ParsedUrl> callback_;
  std::deque<std::pair<MonotonicTime, Update>> queue_;
  Calendar<Update> delayed_;
  Calendar<Batch> retries_;
  std::deque<Batch> due_again_;
  std::size_t in_flight_ = 0, waiting_ = 0;
  bool started_ = false, stopped_ = false;
  WebhookStats stats_;
};

// The body of one POST.
std::string render_webhook(const World& world, const std::vector<Update>& updates);

}  // namespace posthorn::sandbox
