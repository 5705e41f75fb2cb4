// What goes back over the wire, and how badly.
#pragma once
#include "core/time.h"
#include "platform/http.h"

namespace posthorn::sandbox {

struct Answer {
  enum class Manner { reply, reset };
  Manner manner = Manner::reply;
  Duration delay{};  // before it
  HttpResponse response;
};

inline HttpResponse json_response(std::string body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/json; charset=UTF-8");
  response.body = std::move(body);
  return response;
}

}  // namespace posthorn::sandbox
