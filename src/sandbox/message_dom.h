// The sandbox's own reading of JSON messages. Only message_check.cpp, free_form_check.cpp and
// template_check.cpp include this.
#pragma once
#include <string>
#include <string_view>

#include <simdjson.h>

#include "core/time.h"
#include "sandbox/graph_error.h"
#include "sandbox/media.h"
#include "sandbox/template_store.h"

namespace posthorn::sandbox {

namespace dom = simdjson::dom;

// A value that may be missing.
struct Node {
  dom::element element;
  bool there = false;

  Node() = default;
  explicit Node(dom::element e) : element(e), there(!e.is_null()) {}

  Node operator[](std::string_view key) const {
    dom::element found;
    if (!there || !element.is_object() || element.get_object().at_key(key).get(found) != simdjson::SUCCESS)
      return {};
    return Node(found);
  }
  bool is_string() const { return there && element.is_string(); }
  bool is_array() const { return there && element.is_array(); }
  bool is_object() const { return there && element.is_object(); }
  bool is_number() const { return there && element.is_number(); }
  std::string_view text() const {
    return is_string() ? std::string_view(element.get_string()) : std::string_view();
  }
  // -1 when it is no whole number; strings of digits count, as Meta accepts "index":"0".
  std::int64_t integer() const;
  dom::array array() const { return element.get_array(); }
  std::size_t size() const { return is_array() ? element.get_array().size() : 0; }
  Node first() const { return size() == 0 ? Node() : Node(*array().begin()); }
};

struct CheckContext {
  const MediaStore& media;
  std::size_t number;
  WallTime now;
};

// {"id":…} or {"link":…} of a media object; `place` names it in errors.
Graph<> check_media_object(Node media, const CheckContext& context, std::string_view place);
Graph<> check_template(Node components, const Template& t, const CheckContext& context);
Graph<> check_free_form(std::string_view type, Node content, const CheckContext& context);

}  // namespace posthorn::sandbox
