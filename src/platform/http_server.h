// HTTP/1.1 server: our own thin types over Beast's parser. Strict about request heads (smuggling), bounded
// everywhere.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "platform/clock.h"
#include "platform/http.h"
#include "platform/stream.h"

namespace posthorn {

struct HttpServerLimits {
  std::size_t max_head = 16 * 1024;  // bytes of request line and headers
  std::size_t max_header_fields = 64;
  std::size_t max_connections = 10'000;
  Duration head_timeout = std::chrono::seconds(10);  // slow heads end with 408
  Duration body_timeout =
      std::chrono::seconds(20);  // without progress of at least 1 KiB/s for a streamed body
  Duration keep_alive_timeout = std::chrono::seconds(75);
};

// One request being answered. Exactly one of respond(), begin_stream() or abort() must be called.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual const HttpRequest& request() const = 0;  // its body is empty until read_body()
  virtual std::string peer_address() const = 0;
  // Whole body; too_large when over `limit` (answer 413 then; the connection is closed after it).
  virtual Task<Result<std::string>> read_body(std::size_t limit) = 0;
  // Streaming read; 0 at the end of the body.
  virtual Task<Result<std::size_t>> read_body_some(std::span<char> out) = 0;
  virtual Task<Result<>> respond(HttpResponse response) = 0;
  // Streaming answer: head first, then any number of chunks; an error means the client is gone. It goes out
  // chunked, or as it is if the head has a Content-Length: then exactly so many bytes must follow, or the
  // connection is closed.
  virtual Task<Result<>> begin_stream(HttpResponse head) = 0;
  virtual Task<Result<>> write_chunk(std::string_view bytes) = 0;
  // Closes the connection at once, without an answer (TCP reset where possible). The sandbox loses replies
  // with it.
  virtual void abort() {}
};

using HttpHandler = std::function<Task<>(HttpExchange&)>;

class HttpServer {
 public:
  // Serves `listener` until stop(). A handler that throws or does not answer gives 500.
  HttpServer(std::unique_ptr<Listener> listener, Clock& clock, Executor executor, HttpHandler handler,
             HttpServerLimits limits = {});
  ~HttpServer();
  void start();
  void stop();  // closes the listener and every connection
  std::uint16_t port() const;
  std::size_t connections() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
