#include "platform/http_reply.h"

#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace posthorn {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::response_parser<http::string_body>;

constexpr std::uint32_t kHeadLimit = 64 * 1024;
constexpr int kMaxInterim = 8;

Error parse_error(const error_code& ec, std::size_t body_limit) {
  if (ec == http::error::body_limit) {
    return {ErrorCode::too_large, fmt::format("the answer's body is over {} bytes", body_limit)};
  }
  if (ec == http::error::header_limit) {
    return {ErrorCode::too_large, fmt::format("the answer's head is over {} bytes", kHeadLimit)};
  }
  return {ErrorCode::data_loss, fmt::format("the answer is not valid HTTP/1.1: {}", ec.message())};
}

}  // namespace

struct ReplyParser::Impl {
  void restart() {
    parser.emplace();
    parser->eager(true);
    parser->header_limit(kHeadLimit);
    parser->body_limit(body_limit);
    parser->skip(to_head_request);
  }

  std::optional<Parser> parser;
  bool to_head_request = false;
  std::size_t body_limit = 0;
  int interim = 0;
};

ReplyParser::ReplyParser() : impl_(std::make_unique<Impl>()) {}

ReplyParser::~ReplyParser() = default;

void ReplyParser::start(bool to_head_request, std::size_t body_limit) {
  impl_->to_head_request = to_head_request;
  impl_->body_limit = body_limit;
  impl_->interim = 0;
  impl_->restart();
}

Result<std::size_t> ReplyParser::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    error_code ec;
    used += impl_->parser->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), ec);
    if (ec == http::error::need_more) return used;
    if (ec) return std::unexpected(parse_error(ec, impl_->body_limit));
    if (!impl_->parser->is_done()) continue;
    const unsigned status = impl_->parser->get().result_int();
    if (status >= 200) return used;
    if (status == 101 || ++impl_->interim > kMaxInterim) {
      return fail(ErrorCode::data_loss, fmt::format("unexpected interim answer {}", status));
    }
    impl_->restart();
  }
  return used;
}

int ReplyParser::status() const {
  if (!impl_->parser->is_header_done()) return 0;
  const auto status = static_cast<int>(impl_->parser->get().result_int());
  return status >= 200 ? status : 0;
}

std::string ReplyParser::field(std::string_view name) const {
  return std::string(impl_->parser->get()[name]);
}

std::string ReplyParser::take_body_so_far() {
  return std::exchange(impl_->parser->get().body(), {});
}

Result<> ReplyParser::end_of_input() {
  if (!impl_->parser->got_some()) {
    return fail(ErrorCode::unavailable, "the peer closed the connection before it answered");
  }
  error_code ec;
  impl_->parser->put_eof(ec);
  if (ec) return fail(ErrorCode::unavailable, "the peer closed the connection in the middle of its answer");
  return {};
}

bool ReplyParser::done() const {
  return impl_->parser->is_done() && impl_->parser->get().result_int() >= 200;
}

bool ReplyParser::keep_alive() const {
  return !impl_->parser->need_eof() && impl_->parser->keep_alive();
}

HttpResponse ReplyParser::take() {
  auto message = impl_->parser->release();
  HttpResponse response;
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message) response.headers.add(field.name_string(), std::string(field.value()));
  response.body = std::move(message.body());
  return response;
}

}  // namespace posthorn
