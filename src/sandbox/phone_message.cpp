#include "sandbox/phone_message.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "platform/crypto.h"
#include "sandbox/choices.h"
#include "sandbox/json_text.h"
#include "sandbox/json_values.h"
#include "sandbox/sample_files.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

struct Draft {
  World& world;
  std::uint64_t phone;
  std::size_t number;
  std::string type;
  js::object given;  // what is left of the control call
  PhoneMessage out;

  // The member named like the type.
  js::value own() { return take(given, type); }
};

std::string words(const js::value& v, std::string_view fallback = {}) {
  return v.is_string() ? std::string(v.get_string()) : std::string(fallback);
}

Result<> put(Draft& d, std::string_view type, std::string_view name, js::value value) {
  d.out.content["type"] = type;
  d.out.content[name] = std::move(value);
  return {};
}

Result<> put_interactive(Draft& d, std::string_view kind, js::object reply) {
  js::object interactive;
  interactive["type"] = kind;
  interactive[kind] = std::move(reply);
  return put(d, "interactive", "interactive", std::move(interactive));
}

void set_context(Draft& d, const std::string& id) {
  js::object context;
  context["from"] = std::to_string(d.world.numbers.at(d.number).digits);
  context["id"] = id;
  d.out.content["context"] = std::move(context);
}

// The message id in the member `name`; when it is missing or "last", the newest message to this phone.
Result<std::string> sent_to_phone(Draft& d, std::string_view name) {
  const js::value given = take(d.given, name);
  if (given.is_string() && given.get_string() != "last") return words(given);
  if (const auto sent = last_sent(d.world, d.phone)) return d.world.message_name(sent->id);
  return fail(ErrorCode::invalid_argument,
              "this phone was sent no message yet: name one in \"" + std::string(name) + "\"",
              std::string(name));
}

// The same for what this phone has written itself.
Result<std::string> written_by_phone(Draft& d) {
  const js::value given = take(d.given, "of");
  if (given.is_string() && given.get_string() != "last") return words(given);
  if (const std::uint32_t* n = d.world.last_inbound.find(d.phone))
    return d.world.inbound_name_of(d.phone, *n);
  return fail(ErrorCode::invalid_argument, "this phone has written no message yet: name one in \"of\"", "of");
}

Result<> text(Draft& d) {
  js::value own = d.own();
  if (own.is_string()) own = js::object{{"body", own.get_string()}};
  if (!own.is_object())
    return fail(ErrorCode::invalid_argument, "the member \"text\" is required for this type", "type");
  return put(d, "text", "text", std::move(own));
}

// Members of a file's description may stand beside "type" or in the member of the type.
js::object description_of(Draft& d) {
  js::value own = d.own();
  js::object out = own.is_object() ? std::move(own.get_object()) : js::object();
  if (own.is_string()) out["caption"] = own.get_string();
  for (const std::string_view name :
       {"mime_type", "said_mime_type", "base64", "text", "size", "caption", "filename", "animated"})
    if (d.given.contains(name)) out[name] = take(d.given, name);
  return out;
}

Result<> media(Draft& d) {
  const std::string wire = d.type == "voice" ? "audio" : d.type;
  js::object description = description_of(d);
  if (description.contains("id")) return put(d, wire, wire, std::move(description));
  PH_TRY_ASSIGN(SampleFile file, file_of(description, d.type));
  const MediaFile& stored =
      d.world.media.put(d.number, std::move(file.mime), std::move(file.bytes), d.world.clock.wall_now());
  js::object out;
  out["mime_type"] = text_of(description, "said_mime_type", stored.mime);
  out["sha256"] = base64(*from_hex(stored.sha256));
  out["id"] = stored.id;
  if (const std::string caption = text_of(description, "caption"); !caption.empty()) out["caption"] = caption;
  if (wire == "document") out["filename"] = text_of(description, "filename", "document.pdf");
  if (wire == "audio") out["voice"] = d.type == "voice";
  if (wire == "sticker") out["animated"] = flag_of(description, "animated", false);
  return put(d, wire, wire, std::move(out));
}

Result<> location(Draft& d) {
  js::value own = d.own();
  if (!own.is_object()) {
    js::object place{{"latitude", 52.520008}, {"longitude", 13.404954}};
    place["name"] = words(own, "Alexanderplatz");
    place["address"] = "Alexanderplatz, 10178 Berlin";
    own = std::move(place);
  }
  return put(d, "location", "location", std::move(own));
}

Result<> contacts(Draft& d) {
  js::value own = d.own();
  if (!own.is_array()) {
    const std::string name = words(own, "Barbara Johnson");
    js::object full_name{{"formatted_name", name}, {"first_name", name.substr(0, name.find(' '))}};
    js::object number{{"phone", "+1 650 555 9999"}, {"type", "CELL"}, {"wa_id", "16505559999"}};
    js::object card;
    card["name"] = std::move(full_name);
    js::array numbers;
    numbers.push_back(std::move(number));
    card["phones"] = std::move(numbers);
    js::array cards;
    cards.push_back(std::move(card));
    own = std::move(cards);
  }
  return put(d, "contacts", "contacts", std::move(own));
}

// An empty text takes the reaction back: then Meta leaves `emoji` out.
Result<> reaction(Draft& d) {
  js::value own = d.own();
  if (own.is_object()) return put(d, "reaction", "reaction", std::move(own));
  js::object out;
  PH_TRY_ASSIGN(out["message_id"], sent_to_phone(d, "to"));
  if (const std::string emoji = words(own, own.is_null() ? "\xF0\x9F\x91\x8D" : ""); !emoji.empty())
    out["emoji"] = emoji;
  return put(d, "reaction", "reaction", std::move(out));
}

Result<> tap_choice(Draft& d, const Choice& choice) {
  js::object out;
  if (choice.kind == Choice::Kind::template_button) {
    out["payload"] = choice.id;
    out["text"] = choice.title;
    return put(d, "button", "button", std::move(out));
  }
  out["id"] = choice.id;
  out["title"] = choice.title;
  if (!choice.description.empty()) out["description"] = choice.description;
  return put_interactive(d, choice.kind == Choice::Kind::list_reply ? "list_reply" : "button_reply",
                         std::move(out));
}

std::vector<Choice> choices_now(Draft& d) {
  const auto sent = last_sent(d.world, d.phone);
  return sent ? choices_of(d.world, *sent) : std::vector<Choice>();
}

Result<> tap(Draft& d) {
  const js::value wanted = d.own();
  const std::vector<Choice> choices = choices_now(d);
  const Choice* choice = pick(choices, wanted);
  if (choice == nullptr)
    return fail(ErrorCode::invalid_argument,
                "the newest message to this phone has no such button or list row; it has " +
                    std::to_string(choices.size()),
                "tap");
  PH_TRY_ASSIGN(const std::string id, sent_to_phone(d, "to"));
  set_context(d, id);
  return tap_choice(d, *choice);
}

// {"button_reply":"id or title"} of the newest message, or of none that is known.
Result<> choice_reply(Draft& d) {
  static constexpr auto kNames =
      std::to_array<std::pair<std::string_view, Choice::Kind>>({{"button", Choice::Kind::template_button},
                                                                {"button_reply", Choice::Kind::button_reply},
                                                                {"list_reply", Choice::Kind::list_reply}});
  js::value own = d.own();
  if (const auto id = sent_to_phone(d, "to")) set_context(d, *id);
  if (own.is_object() && d.type == "button") return put(d, "button", "button", std::move(own));
  if (own.is_object()) return put_interactive(d, d.type, std::move(own.get_object()));
  const std::vector<Choice> choices = choices_now(d);
  if (const Choice* known = own.is_null() ? nullptr : pick(choices, own)) return tap_choice(d, *known);
  Choice free;
  free.kind = std::ranges::find(kNames, d.type, &std::pair<std::string_view, Choice::Kind>::first)->second;
  free.title = words(own, "Yes");
  free.id = words(take(d.given, d.type == "button" ? "payload" : "id"), free.title);
  return tap_choice(d, free);
}

Result<> flow_reply(Draft& d) {
  js::value own = d.own();
  if (const auto id = sent_to_phone(d, "to")) set_context(d, *id);
  if (own.is_object() && own.get_object().contains("response_json"))
    return put_interactive(d, "nfm_reply", std::move(own.get_object()));
  const bool address = d.type == "address_message";
  js::value answers = own.is_object() ? std::move(own) : js::value(js::object{{"flow_token", "unused"}});
  if (address) answers = js::object{{"values", std::move(answers)}};
  js::object reply{{"name", address ? "address_message" : "flow"}, {"body", "Sent"}};
  // A text is passed on as it is: the app sends what the flow made, valid or not.
  reply["response_json"] = own.is_string() ? words(own) : js::serialize(answers);
  return put_interactive(d, "nfm_reply", std::move(reply));
}

Result<> call_permission(Draft& d) {
  const std::string answer = words(d.own(), "accept");
  js::object reply{{"response", answer}, {"response_source", "user_action"}};
  if (answer == "accept") {
    reply["is_permanent"] = false;
    reply["expiration_timestamp"] = to_micros(d.world.clock.wall_now()) / 1'000'000 + 604'800;
  }
  return put_interactive(d, "call_permission_reply", std::move(reply));
}

Result<> order(Draft& d) {
  js::value own = d.own();
  if (!own.is_object()) {
    js::object item{
        {"product_retailer_id", "di9ozbzfi4"}, {"quantity", 2}, {"item_price", 30.99}, {"currency", "EUR"}};
    js::array items;
    items.push_back(std::move(item));
    js::object made{{"catalog_id", "194836987003835"}};
    made["text"] = words(own, "Please pack it as a present");
    made["product_items"] = std::move(items);
    own = std::move(made);
  }
  return put(d, "order", "order", std::move(own));
}

Result<> edit(Draft& d) {
  js::value own = d.own();
  js::object out;
  if (own.is_object() && own.get_object().contains("original_message_id"))
    return put(d, "edit", "edit", std::move(own));
  PH_TRY_ASSIGN(out["original_message_id"], written_by_phone(d));
  js::value fresh = std::move(own);
  if (!fresh.is_object()) {
    js::object body{{"body", words(fresh, "edited")}};
    js::object made{{"type", "text"}};
    made["text"] = std::move(body);
    fresh = std::move(made);
  }
  out["message"] = std::move(fresh);
  return put(d, "edit", "edit", std::move(out));
}

Result<> revoke(Draft& d) {
  js::value own = d.own();
  if (own.is_object()) return put(d, "revoke", "revoke", std::move(own));
  js::object out;
  PH_TRY_ASSIGN(out["original_message_id"], written_by_phone(d));
  return put(d, "revoke", "revoke", std::move(out));
}

Result<> unsupported(Draft& d) {
  js::object details{{"details", "Message type is currently not supported."}};
  js::object error{{"code", 131051}, {"title", "Message type unknown"}, {"message", "Message type unknown"}};
  error["error_data"] = std::move(details);
  js::array errors;
  errors.push_back(std::move(error));
  d.out.content["errors"] = std::move(errors);
  js::object kind{{"type", words(d.own(), "poll")}};
  return put(d, "unsupported", "unsupported", std::move(kind));
}

Result<> put_system(Draft& d, js::object system) {
  d.out.with_contact = d.out.opens_window = false;
  return put(d, "system", "system", std::move(system));
}

// A new number is a new business-scoped user id; the old number leaves WhatsApp (Meta, business-scoped ids).
Result<> number_change(Draft& d) {
  const js::value fresh = take(d.given, "to");
  PH_TRY_ASSIGN(const std::uint64_t to, phone_of(words(fresh, words(d.own()))));
  const std::string from = std::to_string(d.phone), name = profile_name_of(d.phone);
  js::object system{{"body", "User " + name + " changed from " + from + " to " + std::to_string(to)},
                    {"wa_id", std::to_string(to)},
                    {"user_id", d.world.phones.user_id(to)},
                    {"previous_user_id", d.world.phones.user_id(d.phone)},
                    {"type", "user_changed_number"}};
  d.out.sender_user_id = d.world.phones.user_id(to);
  PhoneOverride gone;
  gone.kind = PhoneKind::not_on_whatsapp;
  d.world.phones.set_override(d.phone, std::move(gone));
  return put_system(d, std::move(system));
}

Result<> user_id_change(Draft& d) {
  d.own();
  const std::string previous = d.world.phones.user_id(d.phone);
  d.world.phones.rotate_user_id(d.phone);
  js::object system{{"body", "User " + profile_name_of(d.phone) + " changed their number"},
                    {"user_id", d.world.phones.user_id(d.phone)},
                    {"previous_user_id", previous},
                    {"type", "user_changed_user_id"}};
  d.out.anonymous_sender = true;
  return put_system(d, std::move(system));
}

Result<> identity_change(Draft& d) {
  d.own();
  js::object system{{"body", "Security code changed"},
                    {"identity", to_hex(std::to_string(mix(d.phone)))},
                    {"wa_id", std::to_string(d.phone)},
                    {"type", "customer_identity_changed"}};
  return put_system(d, std::move(system));
}

Result<> welcome(Draft& d) {
  d.out.content["type"] = "request_welcome";
  d.out.opens_window = false;
  return {};
}

Result<> as_given(Draft& d) {
  js::value own = d.own();
  if (own.is_null())
    return fail(ErrorCode::invalid_argument, "the member \"" + d.type + "\" is required for this type",
                "type");
  if (d.type == "system" && own.is_object()) return put_system(d, std::move(own.get_object()));
  return put(d, d.type, d.type, std::move(own));
}

struct Form {
  std::string_view type;
  Result<> (*compose)(Draft&);
};
constexpr auto kForms = std::to_array<Form>({
    {"text", text},
    {"image", media},
    {"video", media},
    {"audio", media},
    {"voice", media},
    {"document", media},
    {"sticker", media},
    {"location", location},
    {"contacts", contacts},
    {"reaction", reaction},
    {"tap", tap},
    {"button", choice_reply},
    {"button_reply", choice_reply},
    {"list_reply", choice_reply},
    {"nfm_reply", flow_reply},
    {"address_message", flow_reply},
    {"call_permission_reply", call_permission},
    {"order", order},
    {"edit", edit},
    {"revoke", revoke},
    {"unsupported", unsupported},
    {"number_change", number_change},
    {"user_id_change", user_id_change},
    {"identity_change", identity_change},
    {"request_welcome", welcome},
});

js::object sample_referral() {
  return js::object{{"source_url", "https://fb.me/3cr4Wqqkv"},
                    {"source_id", "120226305854810726"},
                    {"source_type", "ad"},
                    {"body", "Summer succulents are here"},
                    {"headline", "Chat with us"},
                    {"media_type", "image"},
                    {"image_url", "https://scontent.example.com/advert.jpg"},
                    {"ctwa_clid", "Aff-n8ZTODiE79d22KtAwQKj9e"},
                    {"welcome_message", js::object{{"text", "Hi there! How can we help?"}}}};
}

// What may stand beside any type.
Result<> take_surroundings(Draft& d) {
  d.out.name = words(take(d.given, "name"));
  d.out.username = words(take(d.given, "username"));
  d.out.id = words(take(d.given, "id"));
  const js::value hide = take(d.given, "hide_phone"), at = take(d.given, "timestamp");
  d.out.hide_phone = hide.is_bool() && hide.get_bool();
  if (at.is_int64()) d.out.at = wall_from_micros(at.get_int64() * 1'000'000);
  if (const js::value group = take(d.given, "group"); group.is_string()) d.out.content["group_id"] = group;
  if (const js::value* advert = d.given.if_contains("referral"); advert != nullptr && advert->is_bool())
    d.given["referral"] = sample_referral();
  js::object context;
  if (const js::value forwarded = take(d.given, "forwarded"); !forwarded.is_null())
    context[forwarded.is_string() ? "frequently_forwarded" : "forwarded"] = true;
  if (const js::value product = take(d.given, "product"); product.is_string())
    context["referred_product"] =
        js::object{{"catalog_id", "194836987003835"}, {"product_retailer_id", product.get_string()}};
  if (d.given.contains("reply_to") || context.contains("referred_product")) {
    PH_TRY_ASSIGN(context["id"], sent_to_phone(d, "reply_to"));
    context["from"] = std::to_string(d.world.numbers.at(d.number).digits);
  }
  if (!context.empty()) d.out.content["context"] = std::move(context);
  return {};
}

}  // namespace

Result<PhoneMessage> compose_phone_message(World& world, std::uint64_t phone, std::size_t number,
                                           js::object given) {
  const std::string type = words(take(given, "type"));
  if (type.empty())
    return fail(ErrorCode::invalid_argument, "\"type\" is required, for example \"text\"", "type");
  Draft d{world, phone, number, type, std::move(given), {}};
  PH_TRY(take_surroundings(d));
  const auto* form = std::ranges::find(kForms, type, &Form::type);
  PH_TRY(form == kForms.end() ? as_given(d) : form->compose(d));
  for (const auto& [key, value] : d.given) d.out.content[key] = value;
  return std::move(d.out);
}

std::string contact_of(const World& world, std::uint64_t phone, const PhoneMessage& message) {
  std::string out = R"({"profile":{"name":)";
  append_meta_string(out, message.name.empty() ? profile_name_of(phone) : message.name);
  if (!message.username.empty()) out += R"(,"username":)" + meta_string(message.username);
  out += "},";
  if (!world.config.webhooks.hide_phone_numbers && !message.hide_phone)
    out += R"("wa_id":")" + std::to_string(phone) + "\",";
  return out + R"("user_id":")" + world.phones.user_id(phone) + "\"}";
}

}  // namespace posthorn::sandbox
