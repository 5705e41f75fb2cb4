#include "app/client.h"

#include <filesystem>
#include <fstream>
#include <optional>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "platform/http_reply.h"

namespace posthorn {
namespace {

constexpr std::size_t kMaxAnswer = 256ULL << 20;
constexpr std::size_t kMaxDownload = 1ULL << 40;
constexpr Duration kConnectTimeout = std::chrono::seconds(10);
constexpr Duration kTimeout = std::chrono::minutes(30);  // pre-flight of millions of rows
constexpr std::size_t kPiece = 256 * 1024;

constexpr ErrorCode kCodes[] = {
    ErrorCode::invalid_argument,   ErrorCode::unauthenticated, ErrorCode::permission_denied,
    ErrorCode::not_found,          ErrorCode::conflict,        ErrorCode::too_large,
    ErrorCode::resource_exhausted, ErrorCode::unavailable,     ErrorCode::deadline_exceeded,
    ErrorCode::cancelled,          ErrorCode::data_loss,       ErrorCode::internal};

HttpClientLimits limits() {
  HttpClientLimits out;
  out.max_response_body = kMaxAnswer;
  return out;
}

std::unexpected<Error> unreachable(const std::string& url, const std::string& why) {
  return fail(
      ErrorCode::unavailable,
      fmt::format(
          "no Posthorn answers at {} ({}); start it with `posthorn serve`, or name another with --server",
          url, why),
      "server");
}

std::string base_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

Task<Result<>> write_all(Stream& stream, std::string_view bytes) {
  while (!bytes.empty()) {
    PH_CO_TRY_ASSIGN(const auto n, co_await stream.write_some(bytes));
    bytes.remove_prefix(n);
  }
  co_return Result<>();
}

Task<Result<>> write_file(Stream& stream, std::ifstream& file) {
  std::string piece(kPiece, '\0');
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const std::string_view read(piece.data(), static_cast<std::size_t>(file.gcount()));
    PH_CO_TRY(co_await write_all(stream, read));
  }
  co_return Result<>();
}

// The body of a good answer goes to `sink` in pieces, if there is one.
Task<Result<HttpResponse>> read_reply(Stream& stream, std::size_t limit, Client::Sink sink = {}) {
  ReplyParser parser;
  parser.start(false, limit);
  std::string received;
  std::string buffer(kPiece, '\0');
  while (!parser.done()) {
    PH_CO_TRY_ASSIGN(const auto n, co_await stream.read_some(buffer));
    if (n == 0) {
      PH_CO_TRY(parser.end_of_input());
      break;
    }
    received.append(buffer.data(), n);
    PH_CO_TRY_ASSIGN(const auto used, parser.feed(received));
    received.erase(0, used);
    if (sink && parser.status() == 200) {
      PH_CO_TRY(sink(parser.take_body_so_far()));
    }
  }
  co_return parser.take();
}

}  // namespace

Error error_from(const HttpResponse& response) {
  Error error{ErrorCode::internal, fmt::format("the server answered with status {}", response.status)};
  const auto body = parse_json(response.body);
  if (!body) return error;
  const JsonView view(*body);
  const auto code = view["error"]["code"].string_or("");
  for (const auto known : kCodes)
    if (to_string(known) == code) error.code = known;
  error.message = std::string(view["error"]["message"].string_or(error.message));
  error.field = std::string(view["error"]["field"].string_or(""));
  return error;
}

Client::Client(Network& network, Clock& clock, Executor executor, ClientTarget target)
    : network_(network),
      clock_(clock),
      http_(network, clock, std::move(executor), limits()),
      target_(std::move(target)) {}

HttpRequest Client::request(std::string method, std::string target) const {
  HttpRequest out;
  out.method = std::move(method);
  out.target = std::move(target);
  out.headers.set("Authorization", "Bearer " + target_.key.reveal());
  return out;
}

Task<Result<HttpResponse>> Client::exchange(HttpRequest request) {
  PH_CO_TRY_ASSIGN(const auto parsed, parse_url(target_.url));
  auto answer = co_await http_.send(parsed.endpoint, std::move(request), kTimeout);
  if (!answer) co_return unreachable(target_.url, answer.error().error.message);
  if (answer->status >= 300) co_return std::unexpected(error_from(*answer));
  co_return *std::move(answer);
}

Task<Result<json::value>> Client::call(std::string action, json::object parameters) {
  auto post = request("POST", "/api/actions/" + percent_encode(action));
  post.headers.set("Content-Type", "application/json");
  post.body = json::serialize(parameters);
  PH_CO_TRY_ASSIGN(const auto answer, co_await exchange(std::move(post)));
  co_return parse_json(answer.body);
}

Task<Result<json::value>> Client::upload(std::string path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    co_return fail(ErrorCode::invalid_argument, fmt::format("{} is a folder, not a file", path), "file");
  if (!file) co_return fail(ErrorCode::not_found, fmt::format("{} cannot be read", path), "file");
  const auto size = static_cast<std::int64_t>(file.tellg());
  file.seekg(0);
  PH_CO_TRY_ASSIGN(const auto parsed, parse_url(target_.url));
  auto stream = co_await network_.connect(parsed.endpoint, kConnectTimeout);
  if (!stream) co_return unreachable(target_.url, stream.error().message);
  const auto head = fmt::format(
      "POST /api/uploads?name={} HTTP/1.1\r\nHost: {}:{}\r\nAuthorization: Bearer {}\r\nContent-Type: "
      "text/csv\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n",
      percent_encode(base_name(path)), parsed.endpoint.host, parsed.endpoint.port, target_.key.reveal(),
      size);
  // The server may answer before the whole file is there (too large, no access): its answer counts, not the
  // broken pipe.
  auto written = co_await write_all(**stream, head);
  if (written) written = co_await write_file(**stream, file);
  const auto answer = co_await read_reply(**stream, 1024 * 1024);
  if (!answer) co_return unreachable(target_.url, written ? answer.error().message : written.error().message);
  if (answer->status >= 300) co_return std::unexpected(error_from(*answer));
  co_return parse_json(answer->body);
}

Task<Result<std::int64_t>> Client::download(std::string target, Sink sink) {
  PH_CO_TRY_ASSIGN(const auto parsed, parse_url(target_.url));
  auto stream = co_await network_.connect(parsed.endpoint, kConnectTimeout);
  if (!stream) co_return unreachable(target_.url, stream.error().message);
  const auto head =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
                  target, parsed.endpoint.host, parsed.endpoint.port, target_.key.reveal());
  const auto written = co_await write_all(**stream, head);
  if (!written) co_return unreachable(target_.url, written.error().message);
  std::int64_t bytes = 0;
  std::optional<Error> not_taken;
  Sink counted = [&](std::string_view piece) -> Result<> {
    bytes += static_cast<std::int64_t>(piece.size());
    auto taken = sink(piece);
    if (!taken) not_taken = taken.error();
    return taken;
  };
  const auto answer = co_await read_reply(**stream, kMaxDownload, std::move(counted));
  if (not_taken) co_return std::unexpected(*std::move(not_taken));
  if (!answer && bytes > 0)
    co_return fail(
        ErrorCode::unavailable,
        fmt::format("the download broke off after {} bytes ({}); ask again", bytes, answer.error().message),
        "server");
  if (!answer) co_return unreachable(target_.url, answer.error().message);
  if (answer->status >= 300) co_return std::unexpected(error_from(*answer));
  co_return bytes;
}

}  // namespace posthorn
