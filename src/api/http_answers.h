// Answers that every route gives in the same form.
#pragma once
#include <string>

#include "core/json.h"
#include "core/result.h"
#include "platform/http_server.h"

namespace posthorn {

int http_status(const Error& error);
json::object error_body(const Error& error);  // {"error":{"code","message","field"}}

// Headers that every answer carries: no sniffing, no referrer, no caching.
HttpResponse plain_response(int status, std::string body,
                            std::string content_type = "text/plain; charset=utf-8");
HttpResponse json_response(int status, const json::value& value);
HttpResponse error_response(const Error& error);

}  // namespace posthorn
