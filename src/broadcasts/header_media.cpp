#include "broadcasts/header_media.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "messaging/media_uploads.h"

namespace posthorn {
namespace {

constexpr std::uint64_t kMegabyte = 1024 * 1024;
constexpr std::array kRules{
    MediaRule{".jpg", "image/jpeg", 5 * kMegabyte},
    MediaRule{".jpeg", "image/jpeg", 5 * kMegabyte},
    MediaRule{".png", "image/png", 5 * kMegabyte},
    MediaRule{".mp4", "video/mp4", 16 * kMegabyte},
    MediaRule{".3gp", "video/3gpp", 16 * kMegabyte},
    MediaRule{".pdf", "application/pdf", 100 * kMegabyte},
    MediaRule{".txt", "text/plain", 100 * kMegabyte},
    MediaRule{".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
              100 * kMegabyte},
    MediaRule{".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 100 * kMegabyte},
    MediaRule{".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation",
              100 * kMegabyte},
};

Task<Result<std::string>> read_blob(BlobStore& blobs, std::string key) {
  PH_CO_TRY_ASSIGN(const std::unique_ptr<FileReader> file, co_await blobs.open(std::move(key)));
  std::string bytes(file->size(), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::span<char> rest(bytes.data() + done, bytes.size() - done);
    PH_CO_TRY_ASSIGN(const std::size_t n, co_await file->read_at(done, rest));
    if (n == 0) co_return fail(ErrorCode::data_loss, "a stored file is shorter than it was");
    done += n;
  }
  co_return bytes;
}

Result<const MediaRule*> rule_for(const UploadRow& file, std::string field) {
  const MediaRule* rule = media_rule(file.file_name);
  if (rule == nullptr) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format(
            "{} is of no kind that WhatsApp takes; use .jpg, .png, .mp4, .3gp, .pdf or an office document",
            file.file_name),
        std::move(field));
  }
  if (static_cast<std::uint64_t>(file.size) > rule->limit) {
    return fail(ErrorCode::too_large,
                fmt::format("{} has {} bytes; WhatsApp takes at most {} MB of this kind", file.file_name,
                            file.size, rule->limit / kMegabyte),
                std::move(field));
  }
  return rule;
}

Task<Result<std::string>> upload_file(BlobStore& blobs, whatsapp::GraphClient& graph, std::string sender_id,
                                      UploadRow file, std::string mime_type) {
  PH_CO_TRY_ASSIGN(std::string bytes, co_await read_blob(blobs, file.blob));
  co_return co_await graph.upload_media(std::move(sender_id), file.file_name, std::move(mime_type),
                                        std::move(bytes));
}

Task<Result<std::string>> media_id_of(CampaignPorts ports, Account account, UploadId upload_id,
                                      std::string field) {
  auto look_up = [upload_id](Transaction& tx) { return campaigns::upload(tx, upload_id); };
  PH_CO_TRY_ASSIGN(const UploadRow file, co_await ports.database.read(std::move(look_up)));
  PH_CO_TRY_ASSIGN(const MediaRule* rule, rule_for(file, field));
  whatsapp::GraphClient* graph = ports.graph(account.id);
  if (graph == nullptr)
    co_return fail(ErrorCode::unavailable, "the account cannot upload media: it has no usable token", field);
  UploadOnce::Upload upload = [&ports, &account, &file, graph, rule] {
    return upload_file(ports.blobs, *graph, account.sender_id, file, std::string(rule->mime_type));
  };
  PH_CO_TRY_ASSIGN(const UploadedOnce uploaded,
                   co_await ports.uploads.media_id(account.id, file.blob, std::string(rule->mime_type),
                                                   kBroadcastLasts, std::move(upload)));
  co_return uploaded.media_id;
}

// The constant value mapped to header.media, if there is one.
std::string constant_media(const MessagePlan& plan) {
  const json::value* entry = plan.mapping.if_contains("header.media");
  if (entry == nullptr || !entry->is_object()) return {};
  const json::value* constant = entry->get_object().if_contains("constant");
  return constant != nullptr && constant->is_string() ? std::string(constant->get_string()) : std::string();
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

const MediaRule* media_rule(std::string_view file_name) {
  std::string lower(file_name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const MediaRule& rule : kRules) {
    if (lower.ends_with(rule.extension)) return &rule;
  }
  return nullptr;
}

Task<Result<>> resolve_uploads(CampaignPorts ports, Account account, MessagePlan* plan) {
  for (const auto& [slot, upload] : plan->uploads) {
    PH_CO_TRY_ASSIGN(const std::string id, co_await media_id_of(ports, account, upload, "mapping." + slot));
    json::object entry;
    entry["constant"] = id;
    plan->mapping[slot] = std::move(entry);
  }
  co_return Result<>{};
}

Task<std::optional<std::string>> check_media(CampaignPorts ports, Account account, MessagePlan plan) {
  const std::string media = constant_media(plan);
  if (media.empty()) co_return std::nullopt;
  if (!all_digits(media)) {
    if (media.starts_with("https://")) co_return std::nullopt;
    co_return fmt::format("the header media {} is neither a media id nor an https:// address", media);
  }
  whatsapp::GraphClient* graph = ports.graph(account.id);
  if (graph == nullptr) co_return std::nullopt;
  const auto found = co_await graph->media(media);
  if (found || found.error().code == ErrorCode::unavailable) co_return std::nullopt;
  // Or the next pre-flight would find it again among what was uploaded.
  const bool gone =
      found.error().code == ErrorCode::not_found || found.error().code == ErrorCode::invalid_argument;
  if (gone) {
    auto forget = [id = account.id, media](Transaction& tx) { return media_uploads::forget(tx, id, media); };
    (void)co_await ports.database.write(std::move(forget));
  }
  co_return fmt::format("Meta does not have the header media {}: {}. Upload the file again", media,
                        found.error().message);
}

}  // namespace posthorn
