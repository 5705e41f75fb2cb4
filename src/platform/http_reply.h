// Reading of HTTP/1.1 answers: a thin cover over Beast's parser, which only the .cpp sees.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>

#include "core/result.h"
#include "platform/http.h"

namespace posthorn {

class ReplyParser {
 public:
  ReplyParser();
  ~ReplyParser();

  // Prepares for one answer. `body_limit` in bytes; the answer to HEAD has no body whatever its head says.
  void start(bool to_head_request, std::size_t body_limit);
  // Takes all received and not yet consumed bytes, returns how many of them are done with. Interim answers
  // (1xx) are passed over. Errors: data_loss (not HTTP), too_large (head or body).
  Result<std::size_t> feed(std::string_view bytes);
  int status() const;                              // once the final answer's head is there; 0 before
  std::string field(std::string_view name) const;  // of the final answer's head, once it is there
  std::string take_body_so_far();  // what came of the body and was not taken yet; take() gives only the rest
  // The peer has closed: fine for a body that ends with the connection, an error otherwise.
  Result<> end_of_input();
  bool done() const;
  bool keep_alive() const;  // once done: may the connection carry another exchange?
  HttpResponse take();      // once done

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posthorn
