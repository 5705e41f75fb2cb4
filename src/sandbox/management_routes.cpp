#include "sandbox/management_routes.h"

#include <boost/json.hpp>

#include "sandbox/json_text.h"
#include "sandbox/media_host.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr std::string_view kSuccess = R"({"success":true})";
constexpr std::string_view kUploadNode = "upload:";

}  // namespace

std::string ManagementRoutes::Call::parameter(std::string_view name) const {
  if (request.has_query(name)) return request.query(name);
  if (body.starts_with('{')) {
    js::error_code ec;
    const js::value root = js::parse(body, ec);
    if (ec || !root.is_object()) return {};
    const js::value* v = root.get_object().if_contains(name);
    if (v == nullptr || v->is_null()) return {};
    return v->is_string() ? std::string(v->get_string()) : js::serialize(*v);
  }
  HttpRequest form;
  form.target = "/?" + body;
  return form.query(name);
}

const std::vector<ManagementRoutes::Route>& ManagementRoutes::routes() {
  using R = ManagementRoutes;
  static const std::vector<Route> kRoutes = {
      {Node::number, "GET", "", &R::get_number, true},
      {Node::number, "POST", "", &R::post_number, false},
      {Node::number, "POST", "register", &R::post_number, false},
      {Node::number, "POST", "deregister", &R::post_number, false},
      {Node::number, "POST", "settings", &R::post_number, false},
      {Node::number, "GET", "whatsapp_business_profile", &R::get_profile, false},
      {Node::number, "POST", "whatsapp_business_profile", &R::post_number, false},
      {Node::number, "POST", "media", &R::upload_media, false},
      {Node::account, "GET", "", &R::get_account, true},
      {Node::account, "GET", "phone_numbers", &R::list_numbers, true},
      {Node::account, "GET", "message_templates", &R::list_templates, true},
      {Node::account, "POST", "message_templates", &R::create_template, true},
      {Node::account, "DELETE", "message_templates", &R::delete_template, true},
      {Node::account, "GET", "subscribed_apps", &R::list_subscribed_apps, true},
      {Node::account, "DELETE", "subscribed_apps", &R::unsubscribe_app, true},
      {Node::app, "GET", "subscriptions", &R::list_subscriptions, false},
      {Node::app, "POST", "uploads", &R::begin_upload, false},
      {Node::upload, "POST", "", &R::finish_upload, false},
      {Node::message_template, "GET", "", &R::get_template, true},
      {Node::message_template, "POST", "", &R::edit_template, true},
      {Node::media, "GET", "", &R::get_media, false},
      {Node::media, "DELETE", "", &R::delete_media, false},
      {Node::token, "GET", "", &R::debug_token, false},
      {Node::me, "GET", "permissions", &R::permissions, false},
  };
  return kRoutes;
}

ManagementRoutes::Node ManagementRoutes::node_of(const std::string& id) const {
  if (world_.find_number(id) != nullptr) return Node::number;
  if (id == world_.config.waba_id) return Node::account;
  if (id == world_.config.app_id || id == "app") return Node::app;
  if (id == "debug_token") return Node::token;
  if (id == "me") return Node::me;
  if (id.starts_with(kUploadNode)) return Node::upload;
  if (world_.media.find(id, world_.clock.wall_now()) != nullptr) return Node::media;
  return const_cast<World&>(world_).templates.find_by_id(id) != nullptr ? Node::message_template : Node::none;
}

ManagementRoutes::Reply ManagementRoutes::dispatch(const Call& call) {
  const std::string id = call.path.empty() ? std::string() : call.path[0];
  const std::string edge = call.path.size() < 2 ? std::string() : call.path[1];
  const Node node = node_of(id);
  if (node == Node::none)
    return graph_fail(100,
                      "Unsupported " + std::string(call.request.method == "GET" ? "get" : "post") +
                          " request. Object with ID '" + id +
                          "' does not exist, cannot be loaded due to missing permissions, or does not "
                          "support this operation",
                      33);
  for (const Route& route : routes()) {
    if (route.node != node || route.method != call.request.method || route.edge != edge) continue;
    if (route.counted && !world_.limits.allow_management(world_.clock.now())) return graph_fail(80007);
    return (this->*route.handler)(call);
  }
  return graph_fail(100, "Unknown path components: /" + edge);
}

Task<HttpResponse> ManagementRoutes::handle(std::vector<std::string> path, const HttpRequest& request,
                                            std::string body) {
  Call call{std::move(path), request, std::move(body)};
  const Node node = call.path.empty() ? Node::none : node_of(call.path[0]);
  const std::string edge = call.path.size() < 2 ? std::string() : call.path[1];
  const bool subscribes = request.method == "POST" && ((node == Node::account && edge == "subscribed_apps") ||
                                                       (node == Node::app && edge == "subscriptions"));
  if (subscribes) co_return co_await subscribe(std::move(call));
  Reply reply = dispatch(call);
  if (!reply) co_return error_response(reply.error(), world_.dice.next());
  HttpResponse response = json_response(*std::move(reply));
  if (node == Node::account)
    response.headers.set(
        "X-Business-Use-Case-Usage",
        "{\"" + world_.config.waba_id +
            R"(":[{"type":"whatsapp_business_management","call_count":1,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":0}]})");
  co_return response;
}

Task<HttpResponse> ManagementRoutes::subscribe(Call call) {
  const bool app = node_of(call.path[0]) == Node::app;
  const std::string url = call.parameter(app ? "callback_url" : "override_callback_uri");
  Secret verify_token(call.parameter("verify_token"));
  if (app && url.empty()) {
    const GraphFailure missing{100, "The parameter callback_url is required."};
    co_return error_response(missing, world_.dice.next());
  }
  if (!url.empty()) {
    const auto verified = co_await webhooks_.verify(url, std::move(verify_token));
    if (!verified) {
      const GraphFailure failed{100, "Callback verification failed: " + verified.error().message, 2200};
      co_return error_response(failed, world_.dice.next());
    }
    webhooks_.set_callback(url);
  }
  world_.subscribed = true;
  co_return json_response(std::string(kSuccess));
}

ManagementRoutes::Reply ManagementRoutes::list_subscribed_apps(const Call&) {
  if (!world_.subscribed) return R"({"data":[]})";
  std::string out =
      R"({"data":[{"whatsapp_business_api_data":{"link":"https:\/\/www.facebook.com\/games\/?app_id=)" +
      world_.config.app_id + R"(","name":"Posthorn","id":")" + world_.config.app_id + "\"}";
  if (!world_.config.webhooks.callback_url.empty())
    out += R"(,"override_callback_uri":)" + meta_string(world_.config.webhooks.callback_url);
  return out + "}]}";
}

ManagementRoutes::Reply ManagementRoutes::unsubscribe_app(const Call&) {
  world_.subscribed = false;
  return std::string(kSuccess);
}

ManagementRoutes::Reply ManagementRoutes::list_subscriptions(const Call&) {
  return R"({"data":[{"object":"whatsapp_business_account","callback_url":)" +
         meta_string(world_.config.webhooks.callback_url) +
         R"(,"active":true,"fields":[{"name":"messages","version":"v25.0"},{"name":"message_template_status_update","version":"v25.0"}]}]})";
}

ManagementRoutes::Reply ManagementRoutes::debug_token(const Call& call) {
  const std::string token = call.parameter("input_token");
  for (const TokenConfig& t : world_.config.tokens) {
    if (t.token.reveal() != token) continue;
    js::array scopes(t.scopes.begin(), t.scopes.end());
    js::object data{{"app_id", world_.config.app_id},     {"type", "SYSTEM_USER"},
                    {"application", "Posthorn"},          {"expires_at", 0},
                    {"is_valid", !world_.tokens_expired}, {"scopes", scopes}};
    return js::serialize(js::object{{"data", std::move(data)}});
  }
  return R"({"data":{"is_valid":false,"error":{"code":190,"message":"Invalid OAuth access token."},"scopes":[]}})";
}

ManagementRoutes::Reply ManagementRoutes::permissions(const Call&) {
  js::array data;
  if (!world_.config.tokens.empty())
    for (const std::string& scope : world_.config.tokens.front().scopes)
      data.push_back(js::object{{"permission", scope}, {"status", "granted"}});
  return js::serialize(js::object{{"data", std::move(data)}});
}

ManagementRoutes::Reply ManagementRoutes::upload_media(const Call& call) {
  auto form = read_media_form(call.request.headers.get("Content-Type"), call.body);
  if (!form) return std::unexpected(form.error());
  // The Graph API takes parameters from the address as well.
  const std::string product = call.request.query("messaging_product"), type = call.request.query("type");
  if (form->messaging_product.empty()) form->messaging_product = product;
  if (form->type.empty()) form->type = type;
  auto mime = check_media(*form);
  if (!mime) return std::unexpected(mime.error());
  const Number* number = world_.find_number(call.path[0]);
  const MediaFile& file = world_.media.put(world_.index_of(*number), *std::move(mime),
                                           std::string(form->file), world_.clock.wall_now());
  return R"({"id":")" + file.id + "\"}";
}

ManagementRoutes::Reply ManagementRoutes::get_media(const Call& call) {
  const MediaFile* file = world_.media.find(call.path[0], world_.clock.wall_now());
  const std::string owner = call.parameter("phone_number_id");
  if (!owner.empty() && owner != world_.numbers[file->number].config.id)
    return graph_fail(100, "The media does not belong to phone number " + owner, 33);
  js::object out{{"messaging_product", "whatsapp"}, {"url", media_address(world_, *file)},
                 {"mime_type", file->mime},         {"sha256", file->sha256},
                 {"file_size", file->bytes.size()}, {"id", file->id}};
  return js::serialize(out);
}

ManagementRoutes::Reply ManagementRoutes::delete_media(const Call& call) {
  world_.media.remove(call.path[0]);
  return std::string(kSuccess);
}

ManagementRoutes::Reply ManagementRoutes::begin_upload(const Call&) {
  return R"({"id":"upload:MTphdHRhY2htZW50O)" + std::to_string(world_.dice.next()) + "\"}";
}

ManagementRoutes::Reply ManagementRoutes::finish_upload(const Call& call) {
  return R"({"h":"4::)" + base64(std::to_string(mix(call.body.size()))) + "\"}";
}

}  // namespace posthorn::sandbox
