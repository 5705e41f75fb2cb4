// One connection of the HTTP server and the exchange that is running on it. Used by http_server.cpp only.
#pragma once
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/http_chunks.h"
#include "platform/http_head.h"
#include "platform/http_server.h"

namespace posthorn {

class HttpConnection;

// What all connections of a server share. Lives as long as the last of them.
struct HttpServerCore {
  HttpServerCore(Clock& c, Executor e, HttpHandler h, HttpServerLimits l)
      : clock(c), executor(std::move(e)), handler(std::move(h)), limits(l) {}

  MonotonicTime now() { return stopped ? MonotonicTime() : clock.now(); }
  const std::string& date();  // the Date header's value, made once a second

  Clock& clock;  // not touched after stop()
  Executor executor;
  HttpHandler handler;
  HttpServerLimits limits;
  std::list<HttpConnection*> connections;
  bool stopped = false;

 private:
  std::string date_;
  std::chrono::sys_seconds date_second_{};
};

class HttpConnection final : public HttpExchange, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<HttpServerCore> core, std::unique_ptr<Stream> stream);
  ~HttpConnection() override;

  static Task<> serve(std::shared_ptr<HttpConnection> self);
  void close() { stream_->close(); }
  void sweep(MonotonicTime now);  // once a second: ends what has taken too long

  const HttpRequest& request() const override { return head_.request; }
  std::string peer_address() const override { return stream_->peer_address(); }
  Task<Result<std::string>> read_body(std::size_t limit) override;
  Task<Result<std::size_t>> read_body_some(std::span<char> out) override;
  Task<Result<>> respond(HttpResponse response) override;
  Task<Result<>> begin_stream(HttpResponse head) override;
  Task<Result<>> write_chunk(std::string_view bytes) override;
  void abort() override {
    answer_ = Answer::whole;
    close_after_ = true;
    stream_->close();
  }

 private:
  enum class Phase { idle, head, handling, body, writing, lingering };
  enum class Answer { none, whole, streaming, streamed };

  Task<> run();
  Task<bool> read_head();
  Task<> answer();
  Task<bool> call_handler();
  Task<> refuse(Refusal refusal);
  Task<bool> skip_rest_of_body();
  Task<> linger();
  static Task<> say_timeout(std::shared_ptr<HttpConnection> self);

  void enter(Phase phase);
  void time_out();
  bool body_too_slow(MonotonicTime now);
  std::string_view buffered() const { return {in_.data() + begin_, end_ - begin_}; }
  std::span<char> space();
  void start_body();
  bool body_ended() const { return head_.chunked ? chunks_.done() : body_left_ == 0; }
  Task<Result<std::size_t>> read_for_body(std::span<char> out);
  void append_head(const HttpResponse& response, bool with_length);
  Task<Result<>> write_all(std::string_view bytes);

  std::shared_ptr<HttpServerCore> core_;
  std::unique_ptr<Stream> stream_;
  std::list<HttpConnection*>::iterator place_;

  std::vector<char> in_;
  std::size_t begin_ = 0;  // unread input is in_[begin_, end_)
  std::size_t end_ = 0;
  std::string out_;

  RequestHead head_;
  ChunkReader chunks_;
  std::uint64_t body_left_ = 0;
  std::optional<std::uint64_t> stream_left_;  // of a streamed answer whose length was announced
  Answer answer_ = Answer::none;
  bool close_after_ = false;

  Phase phase_ = Phase::idle;
  MonotonicTime phase_since_;
  Duration body_waited_{};  // since the last look at its progress
  std::uint64_t body_progress_ = 0;
};

}  // namespace posthorn
