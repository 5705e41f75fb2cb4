// Mapping: which column, constant or text fills which variable ("slot") of a template.
//
// JSON, as people and programs give it (CampaignDraft::mapping):
//   { "body.1": {"column": "first name", "fallback": "there"},
//     "body.2": {"constant": "20 %"},
//     "body.3": {"template": "{{first name}} {{last name}}", "fallback": "customer"},
//     "body.4": "city",                                   // short for {"column": "city"}
//     "button.0": {"column": "code", "clean": false} }
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace posthorn {

// One variable of a template, as the channel publishes it.
struct MappingSlot {
  std::string name;                   // "body.1", "body.first_name", "header.media", "button.0", …
  std::size_t max_characters = 1024;  // code points
  bool single_line =
      true;  // Meta refuses parameters with newline, tab or more than four spaces in a row (error 132018)
  std::string example = {};  // from the template; helps auto-mapping
  std::string hint = {};     // further words a column may be called, e.g. the parameter's name
};

// Where one slot's value comes from. Pieces alternate texts and columns; one text piece alone is a constant.
struct SlotSource {
  struct Piece {
    std::string text;
    int column = -1;  // ≥ 0: this column's cell instead of `text`
  };
  std::vector<Piece> pieces;
  std::optional<std::string>
      fallback;       // used when every column of the pieces is empty, or any of a template's is
  bool clean = true;  // line breaks and tabs become a space, runs of spaces shrink to one
  bool constant() const { return pieces.size() == 1 && pieces[0].column < 0; }
};

enum class ValueProblem { missing, too_long, not_single_line };
std::string_view explain(ValueProblem problem);

struct ResolveFailure {
  std::size_t slot = 0;
  ValueProblem problem = ValueProblem::missing;
};

class Mapping {
 public:
  Mapping() = default;
  // Checks the JSON against the template's slots and the file's columns. All slots must be mapped. Errors are
  // invalid_argument with field "mapping.<slot>" and name the nearest slot or column.
  static Result<Mapping> compile(const json::object& mapping, std::vector<MappingSlot> slots,
                                 std::span<const std::string> columns);

  const std::vector<MappingSlot>& slots() const { return slots_; }
  const std::vector<SlotSource>& sources() const { return sources_; }

  // Values in slot order into `out` (its strings are reused). Cells missing at the end of a short row count
  // as empty.
  std::expected<void, ResolveFailure> resolve(std::span<const std::string_view> cells,
                                              std::vector<std::string>& out) const;

 private:
  std::vector<MappingSlot> slots_;
  std::vector<SlotSource> sources_;
};

// A proposal by similar names ("body.first_name" ← "First Name"); positional slots take the remaining columns
// in order, never the phone column (-1: none known). Slots without a candidate are left out.
json::object propose_mapping(std::span<const MappingSlot> slots, std::span<const std::string> columns,
                             int phone_column);

}  // namespace posthorn
