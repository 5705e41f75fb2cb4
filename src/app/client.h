// The command line's side of the HTTP API.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"
#include "core/secret.h"
#include "platform/clock.h"
#include "platform/http_client.h"

namespace posthorn {

struct ClientTarget {
  std::string url;  // "http://127.0.0.1:8080"
  Secret key;
};

// Errors: what the server says (code, message, field), or unavailable with field "server" when it does not
// answer.
class Client {
 public:
  Client(Network& network, Clock& clock, Executor executor, ClientTarget target);

  Task<Result<json::value>> call(std::string action, json::object parameters);
  // Streams the file; → the upload.
  Task<Result<json::value>> upload(std::string path);
  // GET "/api/broadcasts/7/report.csv": the body in pieces as it comes, never whole in memory; → bytes.
  // `sink` is not called for an error answer; its own error ends the download.
  using Sink = std::function<Result<>(std::string_view)>;
  Task<Result<std::int64_t>> download(std::string target, Sink sink);

  Clock& clock() { return clock_; }
  const std::string& url() const { return target_.url; }

 private:
  Task<Result<HttpResponse>> exchange(HttpRequest request);
  HttpRequest request(std::string method, std::string target) const;

  Network& network_;
  Clock& clock_;
  HttpClient http_;
  ClientTarget target_;
};

// The error in an answer's body; internal when it is none of ours.
Error error_from(const HttpResponse& response);

}  // namespace posthorn
