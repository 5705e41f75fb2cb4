// Attachments: links, another attempt, and what WhatsApp takes.
#include <algorithm>

#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "actions/common.h"
#include "actions/upload_store.h"
#include "messaging/attachments.h"
#include "messaging/media_fetcher.h"
#include "messaging/media_links.h"
#include "messaging/media_path.h"
#include "messaging/media_rows.h"
#include "messaging/media_type.h"
#include "messaging/media_uploads.h"
#include "messaging/messages.h"
#include "messaging/upload_once.h"
#include "platform/clock.h"
#include "storage/blob_store.h"

namespace posthorn {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60, kMegabyte = 1024 * 1024;
constexpr std::uint64_t kLargestUpload = 100ULL << 20;  // of any kind
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

// What upload_media brings to Meta.
struct OwnFile {
  std::string blob, file_name, mime_type;
  std::uint64_t size = 0;
};

Result<> check_takes(const OwnFile& file, std::string_view field) {
  const SupportedMedia* media = find_supported(file.mime_type);
  if (media == nullptr)
    return fail(ErrorCode::invalid_argument,
                fmt::format("WhatsApp takes no files of type '{}'; get_supported_formats lists what it takes",
                            file.mime_type.empty() ? "unknown" : file.mime_type),
                std::string(field));
  if (file.size > media->limit)
    return fail(ErrorCode::too_large,
                fmt::format("the file has {} bytes; WhatsApp takes at most {} of type {}", file.size,
                            media->limit, media->mime_type),
                std::string(field));
  return {};
}

// The bytes decide; what they do not tell (office documents, text) the name does.
Result<std::string> type_of(std::string_view bytes, std::string_view name) {
  const SniffedType sniffed = sniff(bytes.substr(0, kSniffBytes));
  if (sniffed.family == MediaFamily::page)
    return fail(ErrorCode::invalid_argument, "the file is a web page, whatever its name says", "upload_id");
  if (find_supported(sniffed.mime_type) != nullptr) return std::string(sniffed.mime_type);
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const SupportedMedia& media : supported_media()) {
    const bool says_nothing = media.category == "document" || sniffed.mime_type.empty();
    if (says_nothing && lower.ends_with(media.extension)) return std::string(media.mime_type);
  }
  return std::string(sniffed.mime_type);
}

Task<Result<OwnFile>> file_to_upload(ActionContext c, Params p) {
  if (p.has("id")) {
    auto look = [id = p.integer("id")](Transaction& tx) { return attachments::get(tx, AttachmentId{id}); };
    PH_CO_TRY_ASSIGN(const auto a, co_await c.services->database->read(std::move(look)));
    if (a.state != AttachmentState::stored)
      co_return fail(
          ErrorCode::conflict,
          fmt::format("attachment {} is {}", a.id.value, kStates[static_cast<std::size_t>(a.state)]), "id");
    co_return OwnFile{a.blob, a.file_name.empty() ? a.kind : a.file_name, a.mime_type, a.size};
  }
  if (!p.has("upload_id"))
    co_return fail(ErrorCode::invalid_argument,
                   "give upload_id (of POST /api/uploads?name=…) or the id of an attachment", "upload_id");
  auto file = co_await c.services->uploads->get_upload(UploadId{p.integer("upload_id")});
  if (!file) {
    file.error().field = "upload_id";
    co_return std::unexpected(std::move(file.error()));
  }
  PH_CO_TRY_ASSIGN(const auto reader, co_await c.services->blobs->open(file->blob));
  std::string head(std::min<std::uint64_t>(reader->size(), kSniffBytes), '\0');
  PH_CO_TRY_ASSIGN(const std::size_t read, co_await reader->read_at(0, std::span(head.data(), head.size())));
  head.resize(read);
  PH_CO_TRY_ASSIGN(std::string type, type_of(head, file->file_name));
  co_return OwnFile{file->blob, file->file_name, std::move(type), static_cast<std::uint64_t>(file->size)};
}

Task<Result<std::string>> bring_to_meta(Services* services, whatsapp::GraphClient* graph,
                                        std::string sender_id, OwnFile file) {
  PH_CO_TRY_ASSIGN(std::string bytes, co_await services->blobs->get(file.blob, kLargestUpload));
  co_return co_await graph->upload_media(std::move(sender_id), std::move(file.file_name),
                                         std::move(file.mime_type), std::move(bytes));
}

Task<Result<json::value>> upload_media(ActionContext c, Params p) {
  if (c.services->upload_once == nullptr || c.services->accounts == nullptr)
    co_return fail(ErrorCode::unavailable, "this server uploads no media");
  PH_CO_TRY_ASSIGN(const Account account, co_await find_account(c, p.text("account")));
  PH_CO_TRY_ASSIGN(whatsapp::GraphClient * graph, c.services->accounts->graph(account));
  PH_CO_TRY_ASSIGN(const OwnFile file, co_await file_to_upload(c, p));
  PH_CO_TRY(check_takes(file, p.has("id") ? "id" : "upload_id"));
  UploadOnce::Upload upload = [services = c.services, graph, sender = account.sender_id, file] {
    return bring_to_meta(services, graph, sender, file);
  };
  PH_CO_TRY_ASSIGN(const UploadedOnce uploaded,
                   co_await c.services->upload_once->media_id(account.id, file.blob, file.mime_type,
                                                              kBroadcastLasts, std::move(upload)));
  json::object out;
  out["media_id"] = uploaded.media_id;
  out["already_there"] = uploaded.known;
  out["file_name"] = file.file_name;
  out["mime_type"] = file.mime_type;
  out["size"] = file.size;
  out["sha256"] = file.blob;
  co_return json::value(std::move(out));
}

// Also if Meta does not have it any more: then it is only forgotten here.
Task<Result<json::value>> delete_media(ActionContext c, Params p) {
  if (c.services->accounts == nullptr) co_return fail(ErrorCode::unavailable, "this server deletes no media");
  PH_CO_TRY_ASSIGN(const Account account, co_await find_account(c, p.text("account")));
  PH_CO_TRY_ASSIGN(whatsapp::GraphClient * graph, c.services->accounts->graph(account));
  const std::string media_id = p.text("media_id");
  const auto deleted = co_await graph->delete_media(media_id);
  const bool gone = !deleted && deleted.error().code == ErrorCode::not_found;
  if (!deleted && !gone) co_return std::unexpected(deleted.error());
  auto forget = [id = account.id, media_id](Transaction& tx) {
    return media_uploads::forget(tx, id, media_id);
  };
  PH_CO_TRY(co_await c.services->database->write(std::move(forget)));
  json::object out;
  out["media_id"] = media_id;
  out["was_there"] = !gone;
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
      {.name = "upload_media",
       .category = "media",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "Brings a file of ours to WhatsApp and returns its media id, good for messages of this "
                  "number; the same file goes up once in 30 days.",
       .parameters = {{.name = "upload_id",
                       .type = ParameterType::integer,
                       .help = "a file of POST /api/uploads?name=…",
                       .min = 1},
                      {.name = "id",
                       .type = ParameterType::integer,
                       .help = "an attachment that somebody sent, instead",
                       .min = 1},
                      account_parameter()},
       .handler = upload_media,
       .example = {{"upload_id", 3}}},
      {.name = "delete_media",
       .category = "media",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Deletes a file at WhatsApp by its media id; the next send of that file brings it there "
                  "again.",
       .parameters =
           {{.name = "media_id", .need = Need::required, .help = "as upload_media returned it", .max = 200},
            account_parameter()},
       .handler = delete_media,
       .example = {{"media_id", "1013859600285441"}}},
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
