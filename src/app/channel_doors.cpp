#include "app/channel_doors.h"

#include <boost/json/serialize.hpp>

#include "channels/meta_messaging/message_bodies.h"
#include "channels/whatsapp/free_form_message.h"
#include "core/json_writer.h"
#include "messaging/media_uploads.h"
#include "messaging/whatsapp_channel.h"

namespace posthorn {
namespace {

constexpr std::uint64_t kMaxPicture = 5ULL << 20;
constexpr Duration kLinkLife = std::chrono::hours(1);  // Meta fetches at once
constexpr std::uint64_t kMaxUpload = 100ULL << 20;

Error gone(std::string_view what) {
  return {ErrorCode::conflict, std::string(what)};
}

std::string reaction_body(const automation::SignalTarget& target, std::string_view emoji) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("messaging_product", "whatsapp").member("recipient_type", "individual");
  if (!target.phone.empty()) {
    json.member("to", target.phone);
  } else {
    json.member("recipient", target.user_id);
  }
  json.member("type", "reaction").key("reaction").begin_object();
  json.member("message_id", target.message_id).member("emoji", emoji).end_object().end_object();
  return out;
}

// A reaction that was sent twice is one reaction: what is unknown may be tried again.
Result<> as_result(const SendAnswer& answer) {
  if (answer.kind == AnswerKind::accepted) return {};
  const bool final = answer.kind == AnswerKind::rejected;
  return fail(final ? ErrorCode::invalid_argument : ErrorCode::unavailable, answer.detail);
}

}  // namespace

Task<Result<Account>> ChannelSignals::account(AccountId id) {
  auto look = [id](Transaction& tx) { return accounts::get(tx, id); };
  co_return co_await database_.read(std::move(look));
}

Task<Result<>> ChannelSignals::whatsapp_read(automation::SignalTarget target, bool typing) {
  whatsapp::GraphClient* graph = accounts_.client(target.account);
  if (graph == nullptr) co_return std::unexpected(gone("the number has no token of Meta"));
  PH_CO_TRY_ASSIGN(const Account sender, co_await account(target.account));
  co_return co_await graph->mark_read(sender.sender_id, target.message_id, typing);
}

Task<Result<>> ChannelSignals::meta_action(automation::SignalTarget target, std::string body) {
  meta_messaging::MetaClient* client = accounts_.meta_client(target.account);
  if (client == nullptr) co_return std::unexpected(gone("the account has no client"));
  co_return co_await client->sender_action(std::move(body));
}

Task<Result<>> ChannelSignals::mark_read(automation::SignalTarget target) {
  if (target.channel == channels::Channel::whatsapp)
    co_return co_await whatsapp_read(std::move(target), false);
  auto body = meta_messaging::sender_action_body(target.user_id, meta_messaging::SenderAction::mark_seen);
  co_return co_await meta_action(std::move(target), std::move(body));
}

Task<Result<>> ChannelSignals::typing(automation::SignalTarget target) {
  if (target.channel == channels::Channel::whatsapp)
    co_return co_await whatsapp_read(std::move(target), true);
  auto body = meta_messaging::sender_action_body(target.user_id, meta_messaging::SenderAction::typing_on);
  co_return co_await meta_action(std::move(target), std::move(body));
}

Task<Result<>> ChannelSignals::react(automation::SignalTarget target, std::string emoji) {
  if (target.channel != channels::Channel::whatsapp) {
    auto body = meta_messaging::react_body(target.user_id, target.message_id);
    co_return co_await meta_action(std::move(target), std::move(body));
  }
  whatsapp::GraphClient* graph = accounts_.client(target.account);
  if (graph == nullptr) co_return std::unexpected(gone("the number has no token of Meta"));
  PH_CO_TRY_ASSIGN(const Account sender, co_await account(target.account));
  const auto exchange = co_await graph->send_message(sender.sender_id, reaction_body(target, emoji));
  co_return as_result(judge_exchange(exchange, 1));
}

Task<Result<std::string>> ChannelUploader::upload(automation::MediaFile file) {
  auto look = [id = file.account](Transaction& tx) { return accounts::get(tx, id); };
  PH_CO_TRY_ASSIGN(Account account, co_await ports_.database.read(std::move(look)));
  if (channel_of(account) == channels::Channel::whatsapp)
    co_return co_await to_whatsapp(std::move(account), std::move(file));
  co_return co_await to_meta(std::move(account), std::move(file));
}

Task<Result<std::string>> ChannelUploader::to_whatsapp(Account account, automation::MediaFile file) {
  UploadOnce::Upload upload = [this, &account, &file] { return bytes_to_whatsapp(account, file); };
  PH_CO_TRY_ASSIGN(const UploadedOnce uploaded,
                   co_await ports_.uploads.media_id(account.id, file.blob, file.mime_type, kMessageLasts,
                                                    std::move(upload)));
  co_return uploaded.media_id;
}

Task<Result<std::string>> ChannelUploader::bytes_to_whatsapp(Account account, automation::MediaFile file) {
  whatsapp::GraphClient* graph = ports_.accounts.client(account.id);
  if (graph == nullptr) co_return std::unexpected(gone("the number has no token of Meta"));
  PH_CO_TRY_ASSIGN(std::string bytes, co_await ports_.blobs.get(file.blob, kMaxUpload));
  co_return co_await graph->upload_media(account.sender_id, file.file_name, file.mime_type, std::move(bytes));
}

Task<Result<std::string>> ChannelUploader::to_meta(Account account, automation::MediaFile file) {
  if (!ports_.public_address)
    co_return fail(ErrorCode::conflict,
                   "Instagram and Messenger fetch files from our public address: set http.public_url");
  meta_messaging::MetaClient* client = ports_.accounts.meta_client(account.id);
  if (client == nullptr) co_return std::unexpected(gone("the account has no client"));
  auto find = [blob = file.blob](Transaction& tx) -> Result<AttachmentId> {
    PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT id FROM attachments WHERE blob = $1 LIMIT 1", {blob}));
    PH_TRY_ASSIGN(const bool there, rows.next());
    if (!there) return fail(ErrorCode::not_found, "the file belongs to no message");
    return AttachmentId{rows.integer(0)};
  };
  PH_CO_TRY_ASSIGN(const AttachmentId attachment, co_await ports_.database.read(std::move(find)));
  const std::string url = ports_.links.link(attachment, ports_.clock.wall_now() + kLinkLife);
  const std::string kind = file.mime_type.substr(0, file.mime_type.find('/'));
  co_return co_await client->upload_attachment(kind == "application" || kind == "text" ? "file" : kind, url);
}

Task<Result<FetchedProfile>> ChannelProfiles::fetch(AccountId account, std::string scoped_id) {
  meta_messaging::MetaClient* client = accounts_.meta_client(account);
  if (client == nullptr) co_return fail(ErrorCode::unavailable, "the account has no client");
  PH_CO_TRY_ASSIGN(const meta_messaging::Profile profile, co_await client->profile(std::move(scoped_id)));
  FetchedProfile out;
  out.name = profile.shown_name();
  out.username = profile.username;
  out.picture_url = profile.picture_url;
  out.json = json::serialize(profile.raw);
  co_return out;
}

PictureDownload picture_download(SafeFetch& fetch) {
  return [&fetch](AccountId, std::string url) -> Task<Result<std::string>> {
    struct Download {
      static Task<Result<std::string>> run(SafeFetch& from, std::string address) {
        FetchRequest request;
        request.url = std::move(address);
        request.limits.max_bytes = kMaxPicture;
        auto bytes = std::make_shared<std::string>();
        FetchSink sink = [bytes](std::string piece) -> Task<Result<>> {
          return append(bytes, std::move(piece));
        };
        const auto fetched = co_await from.get(std::move(request), std::move(sink));
        if (!fetched) co_return std::unexpected(fetched.error().error);
        co_return std::move(*bytes);
      }
      static Task<Result<>> append(std::shared_ptr<std::string> into, std::string piece) {
        *into += piece;
        co_return Result<>();
      }
    };
    return Download::run(fetch, std::move(url));
  };
}

}  // namespace posthorn
