#include "sandbox/people.h"

#include <boost/json.hpp>

#include "sandbox/choices.h"
#include "sandbox/json_values.h"
#include "sandbox/user_message.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

constexpr Duration kTapAfter = std::chrono::milliseconds(500);
constexpr std::string_view kPhone = "phone:", kUser = "user:";

std::string phone_name(std::uint64_t phone) {
  return std::string(kPhone) + std::to_string(phone);
}

std::string user_name(std::size_t account, const std::string& id) {
  return std::string(kUser) + std::to_string(account) + ":" + id;
}

js::object a_tap() {
  js::object out;
  out["type"] = "tap";
  return out;
}

struct Said {
  std::string type, text;
};

// What a message says to its reader.
Said words_of(const World& world, const Message& message) {
  Said said{"template", std::string(world.ledger.subject_name(message.subject))};
  const std::string_view body = world.ledger.body(message.id);
  js::error_code ec;
  const js::value parsed = body.empty() ? js::value() : js::parse(body, ec);
  said.type = text_of(parsed, "type", said.type);
  const js::value* content = member(parsed, said.type);
  if (content == nullptr || said.type == "template") return said;
  const js::value* inner = member(*content, "body");
  said.text = text_of(*content, "caption");
  if (inner != nullptr)
    said.text = inner->is_string() ? std::string(inner->get_string()) : text_of(*inner, "text");
  return said;
}

}  // namespace

People::People(World& world, Controls& controls, Deliveries& deliveries, Messaging& messaging,
               Executor executor)
    : world_(world),
      controls_(controls),
      messaging_(messaging),
      scripts_(world.clock, std::move(executor), [this](const std::string& person, const js::value& message) {
        return speak(person, message);
      }) {
  deliveries.on_delivered([this](const Message& message) { phone_got(message); });
  messaging.on_delivered(
      [this](const ScopedUser& user, const MetaMessage& message) { user_got(user, message); });
}

Result<std::string> People::person_of(const js::value& given) const {
  const std::string phone = text_of(given, "phone"), user = text_of(given, "user");
  if (phone.empty() == user.empty())
    return fail(ErrorCode::invalid_argument, "one of \"phone\" and \"user\" is required", "phone");
  if (user.empty()) {
    PH_TRY_ASSIGN(const std::uint64_t digits, phone_of(phone));
    return phone_name(digits);
  }
  PH_TRY_ASSIGN(const std::size_t account, messaging_.find_account(text_of(given, "account"), user));
  return user_name(account, user);
}

Result<std::string> People::speak(const std::string& person, const js::value& message) {
  if (person.starts_with(kPhone)) {
    PH_TRY_ASSIGN(const std::uint64_t phone, phone_of(std::string_view(person).substr(kPhone.size())));
    return controls_.send_from_phone(phone, js::serialize(message), {});
  }
  const std::size_t colon = person.find(':', kUser.size());
  const std::size_t account = std::strtoul(person.c_str() + kUser.size(), nullptr, 10);
  return user_does(messaging_, account, person.substr(colon + 1), message.get_object());
}

void People::phone_got(const Message& message) {
  const PhoneOverride* said = world_.phones.find_override(message.phone);
  const bool taps = said != nullptr && said->taps > 0 && !choices_of(world_, message).empty();
  if (taps && world_.phones.use_tap(message.phone))
    scripts_.send_later(phone_name(message.phone), a_tap(), said->reply_after.value_or(kTapAfter));
  if (scripts_.empty()) return;
  const std::string name = phone_name(message.phone);
  if (!scripts_.watches(name)) return;
  const Said words = words_of(world_, message);
  scripts_.received(name, words.type, words.text);
}

void People::user_got(const ScopedUser& user, const MetaMessage& message) {
  ScopedUser& who = messaging_.user(user.account, user.id);
  const std::string name = user_name(user.account, user.id);
  if (who.behaviour.taps > 0 && !choices_of(message.content).empty()) {
    --who.behaviour.taps;
    scripts_.send_later(name, a_tap(), who.behaviour.reply_after.value_or(kTapAfter));
  }
  if (!scripts_.watches(name)) return;
  const js::value content(message.content);
  const js::value* attachment = member(content, "attachment");
  const js::value* payload = attachment == nullptr ? nullptr : member(*attachment, "payload");
  std::string text = text_of(content, "text");
  if (text.empty() && payload != nullptr) text = text_of(*payload, "text");
  scripts_.received(name, attachment == nullptr ? "text" : text_of(*attachment, "type"), text);
}

}  // namespace posthorn::sandbox
