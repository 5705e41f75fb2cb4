// The live page: a few files inside the binary, under a content security policy without exceptions.
#pragma once
#include <span>
#include <string_view>

#include "api/router.h"

namespace posthorn {

class PageRoutes {
 public:
  static void add_to(Router& router);
};

struct PageFile {
  std::string_view path, content_type, bytes;
};
std::span<const PageFile> page_files();

}  // namespace posthorn
