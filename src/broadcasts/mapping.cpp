#include "broadcasts/mapping.h"

#include <algorithm>

#include <fmt/format.h>

#include "broadcasts/csv_writer.h"
#include "broadcasts/recipient_file.h"
#include "broadcasts/similar_names.h"

namespace posthorn {
namespace {

std::string did_you_mean(std::span<const std::string> names, std::string_view wanted) {
  const std::string nearest = nearest_name(names, wanted);
  return nearest.empty() ? "" : fmt::format("; did you mean “{}”?", nearest);
}

// Reads the source of one slot.
class SourceReader {
 public:
  SourceReader(std::string_view slot, std::span<const std::string> columns)
      : field_("mapping." + std::string(slot)), columns_(columns) {}

  Result<SlotSource> read(const json::value& value) {
    if (const auto* name = value.if_string()) return from_column(*name);
    const auto* object = value.if_object();
    if (object == nullptr)
      return refuse("must be a column name or an object like {\"column\": \"first name\"}");
    PH_TRY(check_members(*object));
    const auto* column = object->if_contains("column");
    const auto* constant = object->if_contains("constant");
    const auto* text = object->if_contains("template");
    if ((column != nullptr) + (constant != nullptr) + (text != nullptr) != 1) {
      return refuse("needs exactly one of “column”, “constant” and “template”");
    }
    const json::value& chosen = column != nullptr ? *column : constant != nullptr ? *constant : *text;
    if (!chosen.is_string()) return refuse("“column”, “constant” and “template” take a string");
    Result<SlotSource> source = column != nullptr     ? from_column(chosen.get_string())
                                : constant != nullptr ? from_constant(chosen.get_string())
                                                      : from_template(chosen.get_string());
    if (!source) return source;
    PH_TRY(read_options(*object, *source));
    return source;
  }

 private:
  std::unexpected<Error> refuse(std::string_view what) const {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", field_, what), field_);
  }

  Result<> check_members(const json::object& object) const {
    for (const auto& member : object) {
      const std::string_view key = member.key();
      if (key != "column" && key != "constant" && key != "template" && key != "fallback" && key != "clean") {
        return refuse(
            fmt::format("does not know “{}”; use column, constant, template, fallback or clean", key));
      }
    }
    return {};
  }

  Result<> read_options(const json::object& object, SlotSource& source) const {
    if (const auto* fallback = object.if_contains("fallback")) {
      if (!fallback->is_string()) return refuse("“fallback” must be a string");
      source.fallback = std::string(fallback->get_string());
    }
    if (const auto* clean = object.if_contains("clean")) {
      if (!clean->is_bool()) return refuse("“clean” must be true or false");
      source.clean = clean->get_bool();
    }
    return {};
  }

  Result<int> column_index(std::string_view name) const {
    const int index = find_column(columns_, name);
    if (index >= 0) return index;
    return refuse(fmt::format("the file has no column “{}”{}", name, did_you_mean(columns_, name)));
  }

  Result<SlotSource> from_column(std::string_view name) const {
    PH_TRY_ASSIGN(const int index, column_index(name));
    SlotSource source;
    source.pieces.push_back({"", index});
    return source;
  }

  static Result<SlotSource> from_constant(std::string_view text) {
    SlotSource source;
    source.pieces.push_back({std::string(text), -1});
    return source;
  }

  Result<SlotSource> from_template(std::string_view text) const {
    SlotSource source;
    while (!text.empty()) {
      const std::size_t open = text.find("{{");
      if (open > 0) source.pieces.push_back({std::string(text.substr(0, open)), -1});
      if (open == std::string_view::npos) break;
      const std::size_t close = text.find("}}", open);
      if (close == std::string_view::npos) return refuse("a “{{” is not closed by “}}”");
      std::string_view name = text.substr(open + 2, close - open - 2);
      while (name.starts_with(' ')) name.remove_prefix(1);
      while (name.ends_with(' ')) name.remove_suffix(1);
      PH_TRY_ASSIGN(const int index, column_index(name));
      source.pieces.push_back({"", index});
      text.remove_prefix(close + 2);
    }
    if (source.pieces.empty()) source.pieces.push_back({});
    return source;
  }

  std::string field_;
  std::span<const std::string> columns_;
};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

// Line breaks and tabs become a space, runs of blanks one space, none at the ends.
void clean_value(std::string& value) {
  std::size_t out = 0;
  bool blank = true;  // at the start none is wanted
  for (const char c : value) {
    if (is_blank(c)) {
      if (!blank) value[out++] = ' ';
      blank = true;
    } else {
      value[out++] = c;
      blank = false;
    }
  }
  if (out > 0 && blank) --out;
  value.resize(out);
}

bool breaks_single_line(std::string_view value) {
  return value.find_first_of("\n\r\t") != std::string_view::npos ||
         value.find("     ") != std::string_view::npos;
}

bool needs_cleaning(std::string_view value) {
  return !value.empty() && (is_blank(value.front()) || is_blank(value.back()) || breaks_single_line(value) ||
                            value.find("  ") != std::string_view::npos ||
                            value.find_first_of("\v\f") != std::string_view::npos);
}

bool all_blank(std::string_view cell) {
  return std::all_of(cell.begin(), cell.end(), is_blank);
}

std::optional<ValueProblem> check_value(const MappingSlot& slot, const std::string& value) {
  if (value.empty()) return ValueProblem::missing;
  if (value.size() > slot.max_characters && count_characters(value) > slot.max_characters)
    return ValueProblem::too_long;
  if (slot.single_line && breaks_single_line(value)) return ValueProblem::not_single_line;
  return std::nullopt;
}

// Puts the value together; false if a column it needs is empty.
bool join_pieces(const SlotSource& source, std::span<const std::string_view> cells, std::string& out) {
  out.clear();
  for (const SlotSource::Piece& piece : source.pieces) {
    if (piece.column < 0) {
      out += piece.text;
      continue;
    }
    const auto column = static_cast<std::size_t>(piece.column);
    if (column >= cells.size() || all_blank(cells[column])) return false;
    out.append(without_formula_guard(cells[column]));
  }
  return true;
}

std::optional<ValueProblem> resolve_slot(const MappingSlot& slot, const SlotSource& source,
                                         std::span<const std::string_view> cells, std::string& value) {
  if (!join_pieces(source, cells, value)) {
    if (!source.fallback) return ValueProblem::missing;
    value = *source.fallback;
  }
  if (source.clean && slot.single_line && needs_cleaning(value)) clean_value(value);
  return check_value(slot, value);
}

// "first_name" of "body.first_name"; empty for numbered slots such as "body.1".
std::string_view slot_word(std::string_view name) {
  const std::string_view word = name.substr(name.rfind('.') + 1);
  return std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; })
             ? std::string_view{}
             : word;
}

double slot_likeness(const MappingSlot& slot, std::string_view folded_column) {
  double best = 0;
  for (const std::string_view word :
       {slot_word(slot.name), std::string_view(slot.hint), std::string_view(slot.name)}) {
    best = std::max(best, name_likeness(fold_name(word), folded_column));
  }
  return best;
}

}  // namespace

std::string_view explain(ValueProblem problem) {
  switch (problem) {
    case ValueProblem::missing:
      return "has no value and no fallback is set";
    case ValueProblem::too_long:
      return "is longer than the template allows";
    case ValueProblem::not_single_line:
      return "has a line break, a tab or more than four spaces in a row";
  }
  return "";
}

Result<Mapping> Mapping::compile(const json::object& mapping, std::vector<MappingSlot> slots,
                                 std::span<const std::string> columns) {
  std::vector<std::string> slot_names;
  for (const MappingSlot& slot : slots) slot_names.push_back(slot.name);
  for (const auto& member : mapping) {
    const std::string key(member.key());
    if (std::find(slot_names.begin(), slot_names.end(), key) != slot_names.end()) continue;
    const std::string has = slot_names.empty() ? "; it has none" : "";
    return fail(ErrorCode::invalid_argument,
                fmt::format("the template has no variable “{}”{}{}", key, did_you_mean(slot_names, key), has),
                "mapping." + key);
  }
  Mapping compiled;
  for (const MappingSlot& slot : slots) {
    const json::value* value = mapping.if_contains(slot.name);
    const std::string field = "mapping." + slot.name;
    if (value == nullptr) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format(
              "the template's variable “{}” is not mapped. Give it a column, a constant or a template",
              slot.name),
          field);
    }
    PH_TRY_ASSIGN(SlotSource source, SourceReader(slot.name, columns).read(*value));
    if (source.fallback) {
      if (source.clean && slot.single_line) clean_value(*source.fallback);
      if (const auto problem = check_value(slot, *source.fallback)) {
        return fail(ErrorCode::invalid_argument, fmt::format("{}: the fallback {}", field, explain(*problem)),
                    field);
      }
    }
    if (source.constant()) {
      std::string value_text;
      if (const auto problem = resolve_slot(slot, source, {}, value_text)) {
        return fail(ErrorCode::invalid_argument, fmt::format("{}: the constant {}", field, explain(*problem)),
                    field);
      }
      source.pieces[0].text = std::move(value_text);
    }
    compiled.sources_.push_back(std::move(source));
  }
  compiled.slots_ = std::move(slots);
  return compiled;
}

std::expected<void, ResolveFailure> Mapping::resolve(std::span<const std::string_view> cells,
                                                     std::vector<std::string>& out) const {
  out.resize(slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (const auto problem = resolve_slot(slots_[i], sources_[i], cells, out[i])) {
      return std::unexpected(ResolveFailure{i, *problem});
    }
  }
  return {};
}

json::object propose_mapping(std::span<const MappingSlot> slots, std::span<const std::string> columns,
                             int phone_column) {
  constexpr double kAlikeEnough = 0.6;
  std::vector<int> chosen(slots.size(), -1);
  std::vector<bool> taken(columns.size(), false);
  if (phone_column >= 0 && static_cast<std::size_t>(phone_column) < taken.size())
    taken[static_cast<std::size_t>(phone_column)] = true;
  // The best pair first, so that "name" does not take the column of "first name".
  for (;;) {
    double best = kAlikeEnough;
    std::size_t best_slot = slots.size();
    std::size_t best_column = 0;
    for (std::size_t s = 0; s < slots.size(); ++s) {
      for (std::size_t c = 0; chosen[s] < 0 && c < columns.size(); ++c) {
        const double likeness = taken[c] ? 0 : slot_likeness(slots[s], fold_name(columns[c]));
        if (likeness <= best) continue;
        best = likeness;
        best_slot = s;
        best_column = c;
      }
    }
    if (best_slot == slots.size()) break;
    chosen[best_slot] = static_cast<int>(best_column);
    taken[best_column] = true;
  }
  for (std::size_t s = 0; s < slots.size(); ++s) {
    if (chosen[s] >= 0 || !slot_word(slots[s].name).empty()) continue;
    const auto next = std::find(taken.begin(), taken.end(), false);
    if (next == taken.end()) break;
    *next = true;
    chosen[s] = static_cast<int>(next - taken.begin());
  }
  json::object proposal;
  for (std::size_t s = 0; s < slots.size(); ++s) {
    if (chosen[s] < 0) continue;
    json::object source;
    source["column"] = columns[static_cast<std::size_t>(chosen[s])];
    proposal[slots[s].name] = std::move(source);
  }
  return proposal;
}

}  // namespace posthorn
