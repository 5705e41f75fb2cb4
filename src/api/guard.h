// The door of every route that needs credentials.
#pragma once
#include "api/access.h"
#include "api/router.h"
#include "platform/http_server.h"

namespace posthorn {

class Guard {
 public:
  explicit Guard(Access& access) : access_(access) {}

  // The caller if his role allows it. Otherwise answers the request (401, 403, 429) and returns nothing.
  Task<std::optional<Caller>> admit(HttpExchange& exchange, Role needs);

 private:
  Access& access_;
};

// Answers with an error; a broken connection is nobody's concern any more.
Task<> refuse(HttpExchange& exchange, Error error);
Task<> refuse(HttpExchange& exchange, Error error, int status);

}  // namespace posthorn
