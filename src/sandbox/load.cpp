#include "sandbox/load.h"

#include <algorithm>
#include <array>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>

#include "sandbox/json_text.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

constexpr auto kKinds = std::to_array<std::string_view>({"text", "location", "button", "mixed"});
constexpr Duration kTick = std::chrono::milliseconds(1), kBucket = std::chrono::microseconds(100);
constexpr std::size_t kBuckets = 100'000;  // up to ten seconds
constexpr std::size_t kListed = 100;
constexpr std::uint64_t kKeptPeople = 200'000;
constexpr Duration kLate = std::chrono::milliseconds(10);

Result<std::uint64_t> within(const js::value& given, std::string_view name, double fallback, double low,
                             double high) {
  const double n = number_of(given, name, fallback);
  if (n >= low && n <= high) return static_cast<std::uint64_t>(n);
  return fail(ErrorCode::invalid_argument,
              "\"" + std::string(name) + "\" must be between " +
                  std::to_string(static_cast<std::uint64_t>(low)) + " and " +
                  std::to_string(static_cast<std::uint64_t>(high)),
              std::string(name));
}

void append_padded(std::string& out, std::uint64_t n, std::size_t digits) {
  const std::string text = std::to_string(n);
  out.append(digits - std::min(digits, text.size()), '0');
  out += text;
}

}  // namespace

Result<LoadPlan> read_load_plan(const js::value& given, const World& world) {
  LoadPlan plan;
  PH_TRY_ASSIGN(const std::uint64_t pace, within(given, "messages_per_second", 1000, 1, 100'000));
  PH_TRY_ASSIGN(const std::uint64_t seconds, within(given, "seconds", 10, 1, 3600));
  PH_TRY_ASSIGN(plan.phones, within(given, "phones", 1000, 1, 10'000'000));
  PH_TRY_ASSIGN(plan.first_phone,
                within(given, "first_phone", 4915100000000, 1'000'000, 999'999'000'000'000));
  PH_TRY_ASSIGN(plan.batch, within(given, "batch", 1, 1, 1000));
  PH_TRY_ASSIGN(plan.max_in_flight, within(given, "max_in_flight", 256, 1, 1000));
  plan.messages_per_second = static_cast<int>(pace);
  plan.seconds = static_cast<int>(seconds);
  const auto* kind = std::ranges::find(kKinds, text_of(given, "kind", "text"));
  if (kind == kKinds.end())
    return fail(ErrorCode::invalid_argument, "\"kind\" must be text, location, button or mixed", "kind");
  plan.kind = static_cast<LoadKind>(kind - kKinds.begin());
  if (const std::string id = text_of(given, "number"); !id.empty()) {
    const Number* number = world.find_number(id);
    if (number == nullptr)
      return fail(ErrorCode::not_found, "there is no phone number with id " + id, "number");
    plan.number = world.index_of(*number);
  }
  return plan;
}

Result<> Load::begin(const LoadPlan& plan) {
  if (running()) return fail(ErrorCode::conflict, "a load run is under way; stop it first");
  if (!webhooks_.callback())
    return fail(ErrorCode::conflict, "there is no callback URL: POST /sandbox/callback first");
  plan_ = plan;
  ++run_;
  planned_ = static_cast<std::uint64_t>(plan.messages_per_second) * static_cast<std::uint64_t>(plan.seconds);
  sent_ = acknowledged_ = refused_ = failed_ = behind_ = late_ = 0;
  head_ = R"({"object":"whatsapp_business_account","entry":[{"id":")" + world_.config.waba_id +
          R"(","changes":[{"value":{"messaging_product":"whatsapp",)" +
          world_.numbers.at(plan_.number).metadata + R"(,"contacts":[)";
  people_.assign(std::min(plan_.phones, kKeptPeople), {});
  confirmed_.assign(planned_, false);
  latencies_.assign(kBuckets + 1, 0);
  slowest_ = {};
  begun_ = ended_ = world_.clock.now();
  running_ = true;
  asio::co_spawn(executor_, run(shared_from_this()), asio::detached);
  return {};
}

std::string Load::message_name(std::uint64_t n) const {
  std::string out = "wamid.LOAD";
  append_padded(out, run_, 4);
  out += '-';
  append_padded(out, n, 10);
  return out;
}

const Load::Person& Load::person(std::uint64_t n) {
  const std::uint64_t place = n % plan_.phones;
  Person& out = place < people_.size() ? people_[place] : stranger_;
  if (place < people_.size() && !out.sender.empty()) return out;
  const std::uint64_t phone = plan_.first_phone + place;
  const std::string digits = std::to_string(phone), user = user_id_of(phone);
  out.contact = R"({"profile":{"name":)" + meta_string(profile_name_of(phone)) + R"(},"wa_id":")" + digits +
                R"(","user_id":")" + user + "\"}";
  out.sender = R"({"from":")" + digits + R"(","from_user_id":")" + user + R"(","id":")";
  return out;
}

void Load::append_message(std::string& out, std::uint64_t n, std::string_view now) {
  static constexpr std::array<LoadKind, 3> kMix = {LoadKind::text, LoadKind::location, LoadKind::button};
  const LoadKind kind = plan_.kind == LoadKind::mixed ? kMix[n % kMix.size()] : plan_.kind;
  out.append(person(n).sender).append(message_name(n)).append(R"(","timestamp":")").append(now);
  if (kind == LoadKind::text) {
    out += R"(","type":"text","text":{"body":"Load message )";
    append_number(out, n);
    out += R"("}})";
  } else if (kind == LoadKind::location) {
    out += R"(","type":"location","location":{"latitude":52.520008,"longitude":13.404954}})";
  } else {
    out += R"(","type":"button","button":{"payload":"YES","text":"Yes"}})";
  }
}

std::string Load::body_of(std::uint64_t first, std::size_t count) {
  const std::string now = world_.timestamp(world_.clock.wall_now());
  std::string out;
  out.reserve(head_.size() + count * 360 + 64);
  out += head_;
  for (std::uint64_t n = first; n < first + count; ++n)
    out.append(n > first ? "," : "").append(person(n).contact);
  out += R"(],"messages":[)";
  for (std::uint64_t n = first; n < first + count; ++n) {
    if (n > first) out += ',';
    append_message(out, n, now);
  }
  return out += R"(]},"field":"messages"}]}]})";
}

MonotonicTime Load::due_at(std::uint64_t n) const {
  return begun_ + Duration(static_cast<Duration::rep>(n * 1'000'000 /
                                                      static_cast<std::uint64_t>(plan_.messages_per_second)));
}

// Every millisecond as many messages as are due by then; when too many POSTs are open the rest waits and is
// caught up with later.
Task<> Load::run(std::shared_ptr<Load> self) {
  const auto pace = static_cast<std::uint64_t>(self->plan_.messages_per_second);
  while (self->running_ && self->sent_ < self->planned_) {
    const std::int64_t passed = (self->world_.clock.now() - self->begun_).count();
    const std::uint64_t due = std::min(self->planned_, pace * static_cast<std::uint64_t>(passed) / 1'000'000);
    const bool last = due == self->planned_;
    while (self->sent_ < due && self->in_flight_ < self->plan_.max_in_flight) {
      const std::size_t count = std::min<std::uint64_t>(self->plan_.batch, due - self->sent_);
      if (count < self->plan_.batch && !last) break;
      const std::uint64_t first = self->sent_;
      self->sent_ += count;
      ++self->in_flight_;
      if (self->world_.clock.now() - self->due_at(self->sent_ - 1) > kLate) self->late_ += count;
      asio::co_spawn(self->executor_, post(self, first, count), asio::detached);
    }
    self->behind_ = std::max(self->behind_, due - self->sent_);
    if (self->sent_ < self->planned_) co_await self->world_.clock.sleep_for(kTick);
    if (self->closed_) co_return;
  }
  self->running_ = false;
}

Task<> Load::post(std::shared_ptr<Load> self, std::uint64_t first, std::size_t messages) {
  if (self->closed_ || !self->webhooks_.callback()) {
    --self->in_flight_;
    self->failed_ += messages;
    co_return;
  }
  HttpRequest request = self->webhooks_.signed_request(self->body_of(first, messages));
  Endpoint endpoint = self->webhooks_.callback()->endpoint;
  const Duration timeout = self->world_.config.webhooks.post_timeout;
  const MonotonicTime due = self->due_at(first + messages - 1);  // of a batch: of its last
  const auto answer = co_await self->client_.send(std::move(endpoint), std::move(request), timeout);
  --self->in_flight_;
  if (self->closed_) co_return;
  self->ended_ = self->world_.clock.now();
  if (!answer)
    self->failed_ += messages;
  else if (answer->status != 200)
    self->refused_ += messages;
  else
    self->count(first, messages, self->ended_ - due);
}

void Load::count(std::uint64_t first, std::size_t messages, Duration took) {
  acknowledged_ += messages;
  for (std::uint64_t n = first; n < first + messages; ++n) confirmed_[n] = true;
  ++latencies_[std::min<std::size_t>(static_cast<std::size_t>(took / kBucket), kBuckets)];
  slowest_ = std::max(slowest_, took);
}

double Load::percentile(double share) const {
  std::uint64_t all = 0, seen = 0;
  for (const std::uint32_t n : latencies_) all += n;
  for (std::size_t i = 0; i < latencies_.size(); ++i) {
    seen += latencies_[i];
    if (all > 0 && static_cast<double>(seen) >= share * static_cast<double>(all))
      return static_cast<double>(i + 1) / 10.0;
  }
  return 0;
}

js::value Load::report() const {
  const double seconds = static_cast<double>((ended_ - begun_).count()) / 1e6;
  js::array missing;
  for (std::uint64_t n = 0; n < std::min<std::uint64_t>(sent_, confirmed_.size()) && missing.size() < kListed;
       ++n)
    if (!confirmed_[n]) missing.push_back(n);
  js::object out{{"running", running()},
                 {"run", run_},
                 {"prefix", message_name(0).substr(0, 15)},
                 {"planned", planned_},
                 {"sent", sent_},
                 {"acknowledged", acknowledged_},
                 {"refused", refused_},
                 {"failed", failed_},
                 {"late", late_},
                 {"behind", behind_},
                 {"seconds", seconds},
                 {"per_second", seconds > 0 ? static_cast<double>(acknowledged_) / seconds : 0.0},
                 {"p50_ms", percentile(0.5)},
                 {"p99_ms", percentile(0.99)},
                 {"max_ms", static_cast<double>(slowest_.count()) / 1000.0}};
  out["unacknowledged"] = std::move(missing);
  return js::value(std::move(out));
}

}  // namespace posthorn::sandbox
