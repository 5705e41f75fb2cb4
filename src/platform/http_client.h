// HTTP/1.1 client with keep-alive pools that never re-sends on its own (a send to Meta is not idempotent).
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "platform/clock.h"
#include "platform/http.h"
#include "platform/stream.h"

namespace posthorn {

// How far a failed exchange got. Only `sent` leaves the outcome unknown (invariant I5).
enum class HttpStage {
  not_connected,   // DNS, TCP or TLS failed: no request byte left
  partly_written,  // the last request byte was never handed to the socket: the peer cannot have a complete
                   // request
  sent,            // the whole request was handed over; the peer may have acted on it
};

struct HttpFailure {
  HttpStage stage = HttpStage::not_connected;
  Error error;
};

struct HttpClientLimits {
  std::size_t max_connections_per_endpoint = 1024;  // beyond it send() fails at once with resource_exhausted
  std::size_t max_response_body = 256 * 1024;       // bytes; a larger answer is a failure at stage `sent`
  Duration connect_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::seconds(45);  // idle connections older than this are not used again
};

class HttpClient {
 public:
  HttpClient(Network& network, Clock& clock, Executor executor, HttpClientLimits limits = {});
  ~HttpClient();

  // One exchange, one attempt. `timeout` covers the whole exchange after the connection stands.
  // `on_last_byte`, if given, is called right before the final bytes are handed to the socket (the pacer's
  // reference instant). Timeouts are looked for every 100 ms, so an exchange may take that much longer. Host
  // and Content-Length headers are set here. Redirects are returned, never followed.
  Task<std::expected<HttpResponse, HttpFailure>> send(Endpoint endpoint, HttpRequest request,
                                                      Duration timeout,
                                                      std::function<void()> on_last_byte = {});
  void close_idle();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// "https://graph.facebook.com:443/v25.0" → endpoint and path prefix. Only http and https; userinfo is
// refused.
struct ParsedUrl {
  Endpoint endpoint;
  std::string target;  // path and query, at least "/"
};
Result<ParsedUrl> parse_url(std::string_view url);

}  // namespace posthorn
