// Webhooks from Meta to the business: batched, signed over the raw body, posted with bounded concurrency,
// repeated with back-off until they are acknowledged, and disturbed on purpose.
#pragma once
#include <deque>
#include <functional>
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
  std::shared_ptr<const std::string> change;  // a whole element of `changes`; of another stream: of `entry`
  std::uint32_t stream = 0;
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
  // Another kind of webhook beside WhatsApp's (stream 0), with its own `object`. An empty secret means the
  // one of stream 0, also after it has changed.
  std::uint32_t add_stream(std::string object, const Secret& secret);
  void entry(std::uint32_t stream, std::string element);  // a whole element of `entry`
  // Posts what is ready. Called once after a group of status() and change().
  void pump();

  void set_callback(std::string url);
  // Is shown every update first; what it returns true for goes that way only.
  void set_other_way(std::function<bool(const Update&)> way) { other_way_ = std::move(way); }
  void set_secret(const Secret& secret);
  const std::optional<ParsedUrl>& callback() const { return callback_; }
  // A WhatsApp webhook with its headers and signature.
  HttpRequest signed_request(std::string body, std::uint32_t stream = 0);
  // Meta's verification GET; an error says what the callback answered.
  Task<Result<>> verify(std::string url, Secret verify_token);

  WebhookStats stats() const;
  bool idle() const { return waiting_ == 0; }
  void clear();  // forgets everything that has not been posted

 private:
  struct Batch {
    std::vector<Update> updates;
    std::uint32_t epoch = 0, stream = 0;
    int attempts = 0;
    MonotonicTime first_attempt{};
  };
  std::string render(const Batch& batch) const;
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
  struct Stream {
    std::string object;
    bool own_secret = false;
    HmacSha256 sign;
  };
  std::vector<Stream> streams_;
  std::optional<ParsedUrl> callback_;
  std::function<bool(const Update&)> other_way_;
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
