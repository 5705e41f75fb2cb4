// The members of a JSON object, or the elements of an array, as views of the text, without a tree.
//
// Only the borders are looked at: what stands inside a value is judged by whoever parses it, so that one
// broken value (bad UTF-8, mismatched brackets, too deep) cannot spoil its neighbours. One pass, no
// recursion.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::meta_messaging {

// Where reading stopped, and why. Everything before `rest` has been delivered.
struct SliceProblem {
  std::string_view reason;  // empty: none
  std::string_view rest;
  explicit operator bool() const { return !reason.empty(); }
};

namespace slices {

std::size_t skip_blanks(std::string_view text, std::size_t at);
// The end of the value that begins at `at`; npos if it has none.
std::size_t skip_value(std::string_view text, std::size_t at);
std::string unescaped(std::string_view quoted);  // a JSON string with its quotes; broken escapes stay
std::string_view trimmed(std::string_view text);

}  // namespace slices

// f(value) for each element of a text that begins with '['.
template <class F>
SliceProblem for_each_element(std::string_view array, F f) {
  std::size_t at = slices::skip_blanks(array, 1);
  if (at < array.size() && array[at] == ']') return {};
  while (at < array.size()) {
    const std::size_t end = slices::skip_value(array, at);
    if (end == std::string_view::npos) return {"a value without an end", array.substr(at)};
    f(array.substr(at, end - at));
    const std::size_t next = slices::skip_blanks(array, end);
    if (next < array.size() && array[next] == ']') return {};
    if (next >= array.size() || array[next] != ',')
      return {"no comma between two elements", array.substr(end)};
    at = slices::skip_blanks(array, next + 1);
  }
  return {"an array without an end", array.substr(array.size())};
}

// f(key, value) for each member of a text that begins with '{'.
template <class F>
SliceProblem for_each_member(std::string_view object, F f) {
  std::size_t at = slices::skip_blanks(object, 1);
  if (at < object.size() && object[at] == '}') return {};
  while (at < object.size()) {
    const std::size_t key_end = object[at] == '"' ? slices::skip_value(object, at) : std::string_view::npos;
    if (key_end == std::string_view::npos) return {"a member without a name", object.substr(at)};
    const std::size_t colon = slices::skip_blanks(object, key_end);
    if (colon >= object.size() || object[colon] != ':') return {"no colon after a name", object.substr(at)};
    const std::size_t begin = slices::skip_blanks(object, colon + 1);
    const std::size_t end = slices::skip_value(object, begin);
    if (end == std::string_view::npos) return {"a value without an end", object.substr(at)};
    f(slices::unescaped(object.substr(at, key_end - at)), object.substr(begin, end - begin));
    const std::size_t next = slices::skip_blanks(object, end);
    if (next < object.size() && object[next] == '}') return {};
    if (next >= object.size() || object[next] != ',')
      return {"no comma between two members", object.substr(end)};
    at = slices::skip_blanks(object, next + 1);
  }
  return {"an object without an end", object.substr(object.size())};
}

}  // namespace posthorn::meta_messaging
