// Attachments: links, another attempt, and what WhatsApp takes.
#include <algorithm>

#include <fmt/format.h>

#include "actions/common.h"
#include "messaging/attachments.h"
#include "messaging/media_fetcher.h"
#include "messaging/media_links.h"
#include "messaging/media_path.h"
#include "messaging/media_rows.h"
#include "messaging/media_type.h"
#include "messaging/messages.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60, kMegabyte = 1024 * 1024;
constexpr std::string_view kStates[] = {"waiting", "stored", "lost", "refused", "deleted"};

json::object view(const StoredAttachment& a) {
  json::object out;
  out["id"] = a.id.value;
  out["message_id"] = a.message.value;
  out["kind"] = a.kind;
  out["media_id"] = a.media_id;
  out["state"] = kStates[static_cast<std::size_t>(a.state)];
  out["file_name"] = a.file_name;
  if (a.state == AttachmentState::stored) {
    out["mime_type"] = a.mime_type;
    out["size"] = a.size;
    out["sha256"] = a.blob;
    out["path"] = a.path;
    out["link"] = fmt::format("/media/{}", a.id.value);
  }
  if (!a.error.empty()) out["error"] = a.error;
  if (a.state == AttachmentState::waiting) out["attempts"] = a.attempts;
  return out;
}

// By id, by the channel's media id, or the first of a message by the message's id here or at the channel.
Result<StoredAttachment> find_attachment(Transaction& tx, const Params& p, AccountId account) {
  if (p.has("id")) return attachments::get(tx, AttachmentId{p.integer("id")});
  if (p.has("media_id")) {
    PH_TRY_ASSIGN(const auto id, attachments::find_by_media_id(tx, account, p.text("media_id")));
    if (!id) {
      return fail(ErrorCode::not_found,
                  "no message of this account brought this media id; ids come with incoming messages",
                  "media_id");
    }
    return attachments::get(tx, *id);
  }
  const std::string text = p.text("message_id");
  if (text.empty()) return fail(ErrorCode::invalid_argument, "give id, media_id or message_id", "id");
  std::optional<MessageId> message;
  if (text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos) {
    message = MessageId{std::stoll(text)};
  } else {
    PH_TRY_ASSIGN(message, messages::find_by_channel_id(tx, text));
  }
  if (!message) return fail(ErrorCode::not_found, fmt::format("there is no message {}", text), "message_id");
  PH_TRY_ASSIGN(const auto all, attachments::of_message(tx, *message));
  const auto position = static_cast<std::size_t>(p.integer("position"));
  if (position < all.size()) return all[position];
  return fail(ErrorCode::not_found, fmt::format("message {} has {} attachments", text, all.size()),
              all.empty() ? "message_id" : "position");
}

Task<Result<StoredAttachment>> find_attachment(ActionContext c, Params p) {
  AccountId account;
  if (p.has("media_id") && !p.has("id")) {
    PH_CO_TRY_ASSIGN(const Account found, co_await find_account(c, p.text("account")));
    account = found.id;
  }
  auto look = [p = std::move(p), account](Transaction& tx) { return find_attachment(tx, p, account); };
  co_return co_await c.services->database->read(std::move(look));
}

Task<Result<json::value>> get_attachment(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto attachment, co_await find_attachment(c, std::move(p)));
  co_return json::value(view(attachment));
}

// Incoming media are fetched by themselves: asked for by name, what is missing is tried again at once.
Task<Result<json::value>> download_media(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto attachment, co_await find_attachment(c, p));
  if (attachment.state != AttachmentState::stored && c.services->media != nullptr) {
    PH_CO_TRY(co_await c.services->media->retry(attachment.id));
    auto look = [id = attachment.id](Transaction& tx) { return attachments::get(tx, id); };
    PH_CO_TRY_ASSIGN(attachment, co_await c.services->database->read(std::move(look)));
  }
  json::object out = view(attachment);
  if (p.has("filename")) {
    const auto dot = attachment.path.rfind('.');
    const auto extension = dot == std::string::npos ? std::string(".bin") : attachment.path.substr(dot);
    out["file_name"] = safe_file_name(p.text("filename"), extension, attachment.kind);
  }
  co_return json::value(std::move(out));
}

Task<Result<json::value>> retry_attachment(ActionContext c, Params p) {
  if (c.services->media == nullptr)
    co_return fail(ErrorCode::unavailable, "media is not fetched by this server");
  PH_CO_TRY(co_await c.services->media->retry(AttachmentId{p.integer("id")}));
  json::object out;
  out["id"] = p.integer("id");
  out["state"] = "waiting";
  co_return json::value(std::move(out));
}

Task<Result<json::value>> get_media_url(ActionContext c, Params p) {
  if (c.services->media_links == nullptr)
    co_return fail(ErrorCode::unavailable, "this server makes no links to media");
  const auto seconds = p.integer("expiry_seconds");
  PH_CO_TRY_ASSIGN(const auto attachment, co_await find_attachment(c, std::move(p)));
  if (attachment.state != AttachmentState::stored) {
    co_return fail(ErrorCode::conflict,
                   fmt::format("attachment {} is {}; there is nothing to link to", attachment.id.value,
                               kStates[static_cast<std::size_t>(attachment.state)]),
                   "id");
  }
  json::object out = view(attachment);
  out["url"] = c.services->media_links->link(attachment.id,
                                             c.services->clock->wall_now() + std::chrono::seconds(seconds));
  out["expires_in"] = seconds;
  co_return json::value(std::move(out));
}

json::object view(const SupportedMedia& media) {
  json::object out;
  out["category"] = media.category;
  out["format"] = media.name;
  out["mime_type"] = media.mime_type;
  out["extension"] = media.extension;
  out["max_bytes"] = media.limit;
  out["max_mb"] = static_cast<double>(media.limit) / static_cast<double>(kMegabyte);
  return out;
}

Task<Result<json::value>> get_supported_formats(ActionContext, Params p) {
  const std::string category = p.text("category");
  json::array formats, types;
  for (const SupportedMedia& media : supported_media()) {
    if (!category.empty() && category != media.category) continue;
    formats.push_back(view(media));
    if (std::ranges::find(types, json::value(media.mime_type)) == types.end())
      types.emplace_back(media.mime_type);
  }
  json::object out;
  out["total_formats"] = formats.size();
  out["formats"] = std::move(formats);
  out["mime_types"] = std::move(types);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> validate_media(ActionContext c, Params p) {
  std::string type = p.text("mime_type");
  auto size = static_cast<std::uint64_t>(p.integer("file_size_bytes"));
  if (p.has("id")) {
    PH_CO_TRY_ASSIGN(const auto attachment, co_await find_attachment(c, p));
    type = attachment.mime_type;
    size = attachment.size;
  }
  if (type.empty())
    co_return fail(ErrorCode::invalid_argument, "give mime_type, or the id of an attachment", "mime_type");
  const SupportedMedia* media = find_supported(type);
  json::object out;
  out["mime_type"] = type;
  out["file_size_bytes"] = size;
  out["supported"] = media != nullptr;
  out["category"] = media == nullptr ? json::value(nullptr) : json::value(media->category);
  out["format"] = media == nullptr ? json::value(nullptr) : json::value(media->name);
  out["within_size_limit"] = media != nullptr && size <= media->limit;
  out["max_bytes"] = media == nullptr ? 0 : media->limit;
  co_return json::value(std::move(out));
}

std::vector<Parameter> which_attachment() {
  return {{.name = "id", .type = ParameterType::integer, .help = "the attachment's id", .min = 1},
          {.name = "media_id", .help = "the channel's media id, as the message brought it", .max = 200},
          {.name = "message_id", .help = "the message's id here or at the channel", .max = 500},
          {.name = "position",
           .type = ParameterType::integer,
           .help = "which attachment of the message, from 0",
           .fallback = 0,
           .min = 0,
           .max = 100},
          account_parameter()};
}

std::vector<Parameter> with(std::vector<Parameter> parameters, Parameter one) {
  parameters.push_back(std::move(one));
  return parameters;
}

}  // namespace

std::vector<Action> media_actions() {
  const Parameter expiry = {.name = "expiry_seconds",
                            .type = ParameterType::integer,
                            .help = "how long the link is good",
                            .fallback = kDay,
                            .min = 1,
                            .max = 30 * kDay};
  const Parameter category = {.name = "category",
                              .help = "only this one",
                              .fallback = "",
                              .choices = {"", "audio", "document", "image", "sticker", "video"}};
  return {
      {.name = "get_attachment",
       .category = "media",
       .role = Role::viewer,
       .summary = "An attachment: whether it is stored, what it is and where, or why it is missing.",
       .parameters = which_attachment(),
       .handler = get_attachment,
       .example = {{"id", 12}}},
      {.name = "download_media",
       .category = "media",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "An attachment by the channel's media id; if it is missing it is fetched again at once.",
       .parameters =
           with(with(which_attachment(), {.name = "filename", .help = "a name for the download", .max = 300}),
                {.name = "mime_type", .help = "what you take it for; its bytes decide", .max = 200}),
       .handler = download_media,
       .example = {{"media_id", "1013859600285441"}}},
      {.name = "retry_attachment",
       .category = "media",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "Tries to fetch an attachment again that was lost, refused or waits for its next attempt.",
       .parameters = {{.name = "id",
                       .type = ParameterType::integer,
                       .need = Need::required,
                       .help = "the attachment's id",
                       .min = 1}},
       .handler = retry_attachment,
       .example = {{"id", 12}}},
      {.name = "get_media_url",
       .category = "media",
       .role = Role::agent,
       .summary = "A link to an attachment that works without a key until it expires.",
       .parameters = with(which_attachment(), expiry),
       .handler = get_media_url,
       .example = {{"id", 12}, {"expiry_seconds", 3600}}},
      {.name = "get_supported_formats",
       .category = "media",
       .role = Role::viewer,
       .summary = "The kinds of files that WhatsApp takes, with their limits.",
       .parameters = {category},
       .handler = get_supported_formats,
       .example = {{"category", "image"}}},
      {.name = "validate_media",
       .category = "media",
       .role = Role::viewer,
       .summary = "Whether WhatsApp takes a file of this type and size.",
       .parameters =
           {{.name = "mime_type", .help = "such as image/jpeg", .max = 200},
            {.name = "file_size_bytes",
             .type = ParameterType::integer,
             .help = "0: not known, passes",
             .fallback = 0,
             .min = 0},
            {.name = "id", .type = ParameterType::integer, .help = "of an attachment, instead", .min = 1}},
       .handler = validate_media,
       .example = {{"mime_type", "image/jpeg"}, {"file_size_bytes", 1048576}}},
  };
}

}  // namespace posthorn
