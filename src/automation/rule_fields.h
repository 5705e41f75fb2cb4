// Reading a rule's or menu's JSON strictly: nothing unknown, nothing of a wrong type, and every error names
// its field.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace posthorn::automation {

// An object (or absent) without other members than these.
Result<> check_members(const JsonView& view, std::initializer_list<std::string_view> allowed);

// Absent members give the fallback.
Result<std::string> text_member(const JsonView& view, std::string_view key, std::string_view fallback = {});
Result<bool> flag_member(const JsonView& view, std::string_view key, bool fallback = false);
Result<std::int64_t> number_member(const JsonView& view, std::string_view key, std::int64_t fallback,
                                   std::int64_t least, std::int64_t most);
// At most `most` texts, none of them empty or longer than 200 bytes.
Result<std::vector<std::string>> texts_member(const JsonView& view, std::string_view key, std::size_t most);

// invalid_argument "<field> <what>" with the field's path.
std::unexpected<Error> wrong(const JsonView& view, std::string_view what);

// Between `least` and `most` characters.
Result<> check_characters(const JsonView& view, std::string_view text, std::size_t least, std::size_t most);

}  // namespace posthorn::automation
