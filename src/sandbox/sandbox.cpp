#include "sandbox/sandbox.h"

#include <algorithm>
#include <stdexcept>

#include <boost/json.hpp>

#include "platform/crypto.h"
#include "sandbox/aws_cloud.h"
#include "sandbox/control_routes.h"
#include "sandbox/controls.h"
#include "sandbox/deliveries.h"
#include "sandbox/load.h"
#include "sandbox/management_routes.h"
#include "sandbox/media_host.h"
#include "sandbox/messaging.h"
#include "sandbox/messaging_routes.h"
#include "sandbox/people.h"
#include "sandbox/send_route.h"
#include "sandbox/user_message.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {
namespace {

constexpr std::size_t kMaxMessageBody = 64 * 1024;
constexpr std::size_t kMaxBody = 101 * 1024 * 1024;  // documents may have 100 MB

// "/v25.0/1065/messages?x=1" → "1065/messages": without the version, which may be missing.
std::string_view strip_version(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.size() > 1 && path[0] == 'v' && path[1] >= '0' && path[1] <= '9')
    path.remove_prefix(
        std::min(path.size(), path.find('/') == std::string_view::npos ? path.size() : path.find('/') + 1));
  return path;
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), segment.size() + 1));
    if (!segment.empty()) out.push_back(percent_decode(segment));
  }
  return out;
}

std::string_view presented_token(const HttpRequest& request, std::string& from_query) {
  std::string_view header = request.headers.get("Authorization");
  for (const std::string_view scheme : {"Bearer ", "OAuth "})
    if (header.starts_with(scheme)) return header.substr(scheme.size());
  from_query = request.query("access_token");
  return from_query;
}

}  // namespace

struct Sandbox::Impl {
  World world;
  std::shared_ptr<Webhooks> webhooks;
  Deliveries deliveries;
  Controls controls;
  SendRoute sending;
  ManagementRoutes management;
  Messaging messaging;
  MessagingRoutes messaging_routes;
  People people;
  std::shared_ptr<Load> load;
  ControlRoutes control;
  AwsCloud cloud;

  Impl(SandboxConfig config, Clock& clock, Random& random, HttpClient& client, const Executor& executor)
      : world(std::move(config), clock, random),
        webhooks(std::make_shared<Webhooks>(world, client, executor)),
        deliveries(world, *webhooks, executor),
        controls(world, deliveries, *webhooks, executor),
        sending(world, deliveries),
        management(world, controls, *webhooks),
        messaging(world, *webhooks, executor),
        messaging_routes(world, messaging),
        people(world, controls, deliveries, messaging, executor),
        load(std::make_shared<Load>(world, *webhooks, client, executor)),
        control({world, controls, deliveries, *webhooks, messaging, people, *load}),
        cloud(world, sending, *webhooks, client, executor) {
    controls.on_reset([this] {
      messaging.clear();
      people.scripts().clear();
      load->stop();
      cloud.reset();
    });
  }

  bool idle() const { return control.idle(); }

  Graph<> authorise(const HttpRequest& request) {
    if (!world.config.require_token) return {};
    std::string from_query;
    const std::string_view token = presented_token(request, from_query);
    if (token.empty()) return graph_fail(104);
    if (token == world.config.app_id + "|" + world.config.app_secret.reveal()) return {};
    const bool known = std::ranges::any_of(world.config.tokens, [&](const TokenConfig& t) {
      return constant_time_equal(t.token.reveal(), token);
    });
    if (!known) return graph_fail(190, "Invalid OAuth access token - Cannot parse access token", 467);
    if (world.calls_until_expiry == 0) world.tokens_expired = true;
    if (world.calls_until_expiry > 0) --world.calls_until_expiry;
    if (world.tokens_expired)
      return graph_fail(190, "Error validating access token: Session has expired.", 463);
    return {};
  }

  static bool is_send(std::string_view path, const HttpRequest& request) {
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos || request.method != "POST") return false;
    const std::string_view edge = path.substr(slash + 1);
    return edge == "messages" || edge == "marketing_messages";
  }

  static Task<> finish(std::shared_ptr<Impl> self, HttpExchange& exchange, Answer answer) {
    if (answer.delay > Duration::zero()) co_await self->world.clock.sleep_for(answer.delay);
    if (answer.manner == Answer::Manner::reset) {
      exchange.abort();
      co_return;
    }
    std::ignore = co_await exchange.respond(std::move(answer.response));
  }

  // The answer to a Graph call other than a send.
  static Task<> manage(std::shared_ptr<Impl> self, HttpExchange& exchange, std::string_view path,
                       std::string body) {
    Answer answer;
    if (!self->sending.management_fault(answer)) {
      std::vector<std::string> segments = split(path);
      answer.response =
          co_await self->management.handle(std::move(segments), exchange.request(), std::move(body));
    }
    co_await finish(self, exchange, std::move(answer));
  }

  // A Graph call of Instagram or Messenger.
  static Task<> converse(std::shared_ptr<Impl> self, HttpExchange& exchange, std::string_view path,
                         std::string body, std::string token) {
    const HttpRequest& request = exchange.request();
    World& world = self->world;
    const std::vector<std::string> segments = split(path);
    const bool sends = MessagingRoutes::is_send(segments, request);
    const Fault* fault = world.chaos.draw(world.dice, segments.empty() ? std::string() : segments[0], !sends);
    const auto process = [&] {
      Answer answer;
      answer.response = self->messaging_routes.handle(segments, request, body, token);
      return answer;
    };
    Answer answer;
    if (fault == nullptr)
      answer = process();
    else if (fault->kind == FaultKind::error)
      answer.response = messaging_error(GraphFailure{fault->code, {}, fault->subcode}, world.dice.next());
    else
      answer = self->sending.meet(*fault, process);
    co_await finish(self, exchange, std::move(answer));
  }

  // Files, and everything else that is no WhatsApp send.
  static Task<> answer_other(std::shared_ptr<Impl> self, HttpExchange& exchange, std::string_view path,
                             std::string body) {
    const HttpRequest& request = exchange.request();
    World& world = self->world;
    std::string from_query;
    std::string token(presented_token(request, from_query));
    std::vector<std::string> segments = split(path);
    const bool cdn = !segments.empty() && segments[0] == kCdnPath;
    if (!cdn && self->messaging_routes.owns(path, token)) {
      co_await converse(self, exchange, path, std::move(body), std::move(token));
      co_return;
    }
    const auto allowed = cdn ? Graph<>() : self->authorise(request);
    if (!allowed) {
      std::ignore = co_await exchange.respond(error_response(allowed.error(), world.dice.next()));
    } else if (cdn || (!segments.empty() && segments[0] == kMediaPath)) {
      co_await serve_media(world, self->messaging, std::move(segments), exchange);
    } else {
      co_await manage(self, exchange, path, std::move(body));
    }
  }

  static Task<> handle(std::shared_ptr<Impl> self, HttpExchange& exchange) {
    const HttpRequest& request = exchange.request();
    World& world = self->world;
    if (const auto host = request.headers.get("Host"); !host.empty() && host != world.seen_host)
      world.seen_host = host;
    const std::string_view path = strip_version(request.path());
    const bool sends = is_send(path, request);
    auto body = co_await exchange.read_body(sends ? kMaxMessageBody : kMaxBody);
    if (!body && body.error().code == ErrorCode::unavailable)
      co_return exchange.abort();  // cut off: nobody to answer
    if (!body) {
      const GraphFailure failure{100, "The request body could not be read: " + body.error().message};
      std::ignore = co_await exchange.respond(error_response(failure, world.dice.next()));
      co_return;
    }
    if (self->cloud.claims(request)) {
      HttpRequest whole = request;
      whole.body = *std::move(body);
      Answer answer = co_await self->cloud.handle(std::move(whole));
      co_await finish(self, exchange, std::move(answer));
      co_return;
    }
    if (path.starts_with("sandbox/")) {
      std::vector<std::string> segments = split(path.substr(8));
      if (!segments.empty() && segments.front() == "aws") {
        segments.erase(segments.begin());
        HttpResponse aws = self->cloud.control(request.method, segments, *body);
        std::ignore = co_await exchange.respond(std::move(aws));
        co_return;
      }
      HttpResponse response = co_await self->control.handle(std::move(segments), request, *std::move(body));
      std::ignore = co_await exchange.respond(std::move(response));
      co_return;
    }
    const Number* number = sends ? world.find_number(path.substr(0, path.find('/'))) : nullptr;
    if (number == nullptr) {
      co_await answer_other(self, exchange, path, *std::move(body));
      co_return;
    }
    if (const auto allowed = self->authorise(request); !allowed) {
      std::ignore = co_await exchange.respond(error_response(allowed.error(), world.dice.next()));
      co_return;
    }
    Answer answer = self->sending.send(*number, *body, path.ends_with("/marketing_messages"));
    answer.delay += world.dice.between(world.config.answer_delay_min, world.config.answer_delay_max);
    co_await finish(self, exchange, std::move(answer));
  }
};

Sandbox::Sandbox(SandboxConfig config, Clock& clock, Random& random, HttpClient& client, Executor executor)
    : impl_(std::make_shared<Impl>(std::move(config), clock, random, client, executor)) {}

Sandbox::~Sandbox() {
  stop();
}

void Sandbox::start() {
  impl_->webhooks->start();
  impl_->cloud.start();
  impl_->deliveries.start();
}

void Sandbox::stop() {
  impl_->webhooks->stop();
  impl_->cloud.stop();
  impl_->deliveries.stop();
  impl_->controls.stop();
  impl_->messaging.stop();
  impl_->people.stop();
  impl_->load->close();
}

Task<> Sandbox::handle(HttpExchange& exchange) {
  return Impl::handle(impl_, exchange);
}

void Sandbox::set_callback(std::string url) {
  impl_->webhooks->set_callback(std::move(url));
  impl_->webhooks->pump();
}

Task<Result<>> Sandbox::subscribe(std::string url, Secret verify_token) {
  const auto impl = impl_;
  auto verified = co_await impl->webhooks->verify(url, std::move(verify_token));
  if (verified) impl->webhooks->set_callback(url);
  co_return verified;
}

void Sandbox::set_app_secret(Secret secret) {
  impl_->webhooks->set_secret(secret);
  impl_->world.config.app_secret = std::move(secret);
}

AwsCloud& Sandbox::cloud() {
  return impl_->cloud;
}
Ledger& Sandbox::ledger() {
  return impl_->world.ledger;
}
const PaceRecord& Sandbox::pace(std::string_view id) const {
  const Number* number = impl_->world.find_number(id);
  if (number == nullptr) throw std::out_of_range("no phone number " + std::string(id));
  return impl_->world.limits.record(impl_->world.index_of(*number));
}
Limits& Sandbox::limits() {
  return impl_->world.limits;
}
WebhookStats Sandbox::webhook_stats() const {
  return impl_->webhooks->stats();
}
std::uint64_t Sandbox::requests() const {
  return impl_->world.requests;
}
bool Sandbox::idle() const {
  return impl_->idle() && impl_->cloud.idle();
}
std::string Sandbox::message_name(MessageId id) const {
  return impl_->world.message_name(id);
}

Chaos& Sandbox::chaos() {
  return impl_->world.chaos;
}
Phones& Sandbox::phones() {
  return impl_->world.phones;
}
const SandboxConfig& Sandbox::config() const {
  return impl_->world.config;
}
void Sandbox::reset() {
  impl_->controls.reset();
}
void Sandbox::expire_tokens() {
  impl_->controls.expire_tokens_after(0);
}
void Sandbox::expire_tokens_after(std::int64_t calls) {
  impl_->controls.expire_tokens_after(calls);
}
void Sandbox::restore_tokens() {
  impl_->controls.restore_tokens();
}
void Sandbox::add_token(Secret token) {
  impl_->controls.add_token(std::move(token));
}
void Sandbox::release_held(bool deliver) {
  impl_->deliveries.release_held(deliver);
}

Result<std::string> Sandbox::send_from_phone(std::uint64_t phone, std::string_view json_body,
                                             std::string_view number_id) {
  return impl_->controls.send_from_phone(phone, json_body, number_id);
}
Result<std::string> Sandbox::send_from_user(std::string_view account, std::string_view user,
                                            std::string_view json_body) {
  boost::json::error_code ec;
  auto parsed = boost::json::parse(json_body, ec);
  if (ec || !parsed.is_object())
    return fail(ErrorCode::invalid_argument, "the message must be a JSON object with \"type\"");
  PH_TRY_ASSIGN(const std::size_t index, impl_->messaging.find_account(account, user));
  return user_does(impl_->messaging, index, std::string(user), std::move(parsed.get_object()));
}
Result<> Sandbox::emit_event(std::string_view field, std::string_view json_body, std::string_view number_id) {
  boost::json::error_code ec;
  const auto parsed = boost::json::parse(json_body, ec);
  if (ec) return fail(ErrorCode::invalid_argument, "the event must be JSON");
  return impl_->controls.emit_event(field, parsed, number_id);
}
void Sandbox::set_marketing_preference(std::uint64_t phone, bool stopped) {
  impl_->controls.set_marketing_preference(phone, stopped);
}
Result<> Sandbox::set_template_status(std::string_view name, std::string_view language,
                                      std::string_view status, std::string_view reason) {
  return impl_->controls.set_template_status(name, language, status, reason);
}
Result<> Sandbox::set_template_category(std::string_view name, std::string_view language,
                                        std::string_view category) {
  return impl_->controls.set_template_category(name, language, category);
}
Result<> Sandbox::set_template_quality(std::string_view name, std::string_view language,
                                       std::string_view quality) {
  return impl_->controls.set_template_quality(name, language, quality);
}
Result<> Sandbox::put_template(std::string_view graph_json) {
  return impl_->controls.put_template(graph_json);
}
Result<> Sandbox::set_number_quality(std::string_view id, std::string_view quality) {
  return impl_->controls.set_number_quality(id, quality);
}
Result<> Sandbox::upgrade_throughput(std::string_view id, int messages_per_second, Duration maintenance) {
  return impl_->controls.upgrade_throughput(id, messages_per_second, maintenance);
}
void Sandbox::restrict_account(bool restricted) {
  impl_->controls.restrict_account(restricted);
}

}  // namespace posthorn::sandbox
