// Recipient files. The bytes come in through POST /api/uploads, streamed; here is what can be asked about
// them afterwards.
#include "actions/common.h"
#include "actions/views.h"
#include "broadcasts/campaign_service.h"

namespace posthorn {
namespace {

Task<Result<json::value>> list(ActionContext c, Params p) {
  const auto limit = p.integer("limit");
  PH_CO_TRY_ASSIGN(auto found, co_await c.services->uploads->list_uploads(p.integer("before_id"),
                                                                          static_cast<int>(limit)));
  co_return json::value(page("uploads", views(found), limit));
}

Task<Result<json::value>> get(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto found, co_await c.services->uploads->get_upload(UploadId{p.integer("id")}));
  co_return json::value(view(found));
}

Task<Result<json::value>> inspect(ActionContext c, Params p) {
  AccountId account;
  if (p.has("template_name")) {
    PH_CO_TRY_ASSIGN(auto found, co_await find_business(c, p.text("account")));
    account = found.id;
  }
  PH_CO_TRY_ASSIGN(
      auto seen, co_await c.services->campaigns->inspect_upload(UploadId{p.integer("id")}, account,
                                                                p.text("template_name"), p.text("language")));
  co_return json::value(std::move(seen));
}

}  // namespace

std::vector<Action> upload_actions() {
  return {
      {.name = "list_uploads",
       .category = "uploads",
       .role = Role::viewer,
       .summary = "Uploaded recipient files, newest first. Upload one with POST /api/uploads?name=….",
       .parameters = {before_parameter(), limit_parameter(20, 200)},
       .handler = list},
      {.name = "get_upload",
       .category = "uploads",
       .role = Role::viewer,
       .summary = "One uploaded file: name, size and SHA-256.",
       .parameters = {id_parameter("the upload")},
       .handler = get,
       .example = {{"id", 1}}},
      {.name = "inspect_upload",
       .category = "uploads",
       .role = Role::viewer,
       .summary =
           "What is in a file: columns, sample rows, the phone column, and a proposed mapping to a template.",
       .parameters = {id_parameter("the upload"),
                      account_parameter(),
                      {.name = "template_name", .help = "propose a mapping for this template", .max = 512},
                      {.name = "language",
                       .help = "language of the template",
                       .fallback = "en_US",
                       .max = 20,
                       .aliases = {"languageCode"}}},
       .handler = inspect,
       .example = {{"id", 1}, {"template_name", "autumn_sale"}}},
  };
}

}  // namespace posthorn
