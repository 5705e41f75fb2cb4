#include "api/page_routes.h"

#include <array>

#include "api/http_answers.h"

// From page_assets.S.
#define POSTHORN_ASSET(name)                    \
  extern "C" const char posthorn_page_##name[]; \
  extern "C" const char posthorn_page_##name##_end[];
POSTHORN_ASSET(index)
POSTHORN_ASSET(login)
POSTHORN_ASSET(app_js)
POSTHORN_ASSET(broadcast_js)
POSTHORN_ASSET(chart_js)
POSTHORN_ASSET(list_js)
POSTHORN_ASSET(login_js)
POSTHORN_ASSET(server_js)
POSTHORN_ASSET(text_js)
POSTHORN_ASSET(style)
POSTHORN_ASSET(icon)

namespace posthorn {
namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri "
    "'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

const std::array<PageFile, 12>& files() {
  constexpr std::string_view kHtml = "text/html; charset=utf-8", kScript = "text/javascript; charset=utf-8";
  static const std::array<PageFile, 12> all = {{
      {"/", kHtml, between(posthorn_page_index, posthorn_page_index_end)},
      {"/broadcasts/{id}", kHtml, between(posthorn_page_index, posthorn_page_index_end)},
      {"/login", kHtml, between(posthorn_page_login, posthorn_page_login_end)},
      {"/page/app.js", kScript, between(posthorn_page_app_js, posthorn_page_app_js_end)},
      {"/page/broadcast.js", kScript, between(posthorn_page_broadcast_js, posthorn_page_broadcast_js_end)},
      {"/page/chart.js", kScript, between(posthorn_page_chart_js, posthorn_page_chart_js_end)},
      {"/page/list.js", kScript, between(posthorn_page_list_js, posthorn_page_list_js_end)},
      {"/page/login.js", kScript, between(posthorn_page_login_js, posthorn_page_login_js_end)},
      {"/page/server.js", kScript, between(posthorn_page_server_js, posthorn_page_server_js_end)},
      {"/page/text.js", kScript, between(posthorn_page_text_js, posthorn_page_text_js_end)},
      {"/page/style.css", "text/css; charset=utf-8", between(posthorn_page_style, posthorn_page_style_end)},
      {"/page/icon.svg", "image/svg+xml", between(posthorn_page_icon, posthorn_page_icon_end)},
  }};
  return all;
}

Task<> serve(HttpExchange& exchange, const PageFile& file) {
  auto response = plain_response(200, std::string(file.bytes), std::string(file.content_type));
  response.headers.set("Content-Security-Policy", kPolicy);
  response.headers.set("Cache-Control", "no-cache");
  (void)co_await exchange.respond(std::move(response));
}

}  // namespace

std::span<const PageFile> page_files() {
  return files();
}

void PageRoutes::add_to(Router& router) {
  for (const auto& file : page_files())
    router.add("GET", std::string(file.path), [&file](HttpExchange& x, RouteArgs) { return serve(x, file); });
}

}  // namespace posthorn
