#include "broadcasts/recipient_file.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "broadcasts/similar_names.h"

namespace posthorn {
namespace {

constexpr std::size_t kSampleRows = 20;
constexpr double kEnoughPhones = 0.5;  // share of valid numbers that makes an unnamed column the phone column

// What phone columns are called, in folded form (see fold_name). The first ones are preferred when several
// are there.
constexpr std::string_view kPhoneNames[] = {"whatsapp",
                                            "whatsappnumber",
                                            "whatsappnummer",
                                            "waid",
                                            "mobilephone",
                                            "mobile",
                                            "mobilenumber",
                                            "mobileno",
                                            "cell",
                                            "cellphone",
                                            "cellnumber",
                                            "handy",
                                            "handynummer",
                                            "mobil",
                                            "mobilnummer",
                                            "mobiltelefon",
                                            "mobilfunk",
                                            "mobilfunknummer",
                                            "rufnummer",
                                            "celular",
                                            "movil",
                                            "móvil",
                                            "telefonomovil",
                                            "teléfonomóvil",
                                            "telemovel",
                                            "telemóvel",
                                            "cellulare",
                                            "gsm",
                                            "msisdn",
                                            "phone",
                                            "phonenumber",
                                            "phoneno",
                                            "phone1",
                                            "tel",
                                            "telephone",
                                            "telephonenumber",
                                            "telefon",
                                            "telefonnummer",
                                            "telefono",
                                            "teléfono",
                                            "telefone",
                                            "téléphone",
                                            "portable",
                                            "numero",
                                            "número",
                                            "numéro",
                                            "number",
                                            "contactnumber",
                                            "contactno",
                                            "e164",
                                            "telefoonnummer",
                                            "telefoon",
                                            "mobiel",
                                            "puhelin",
                                            "puhelinnumero",
                                            "telefonszám",
                                            "numertelefonu",
                                            "nrtel",
                                            "telefonní",
                                            "mobilní",
                                            "cep",
                                            "ceptelefonu",
                                            "telefonno",
                                            "телефон",
                                            "мобильный",
                                            "номер",
                                            "номертелефона",
                                            "мобільний",
                                            "هاتف",
                                            "رقمالهاتف",
                                            "جوال",
                                            "الجوال",
                                            "טלפון",
                                            "נייד",
                                            "फोन",
                                            "मोबाइल",
                                            "电话",
                                            "手机",
                                            "手机号",
                                            "手机号码",
                                            "電話",
                                            "電話番号",
                                            "携帯",
                                            "携帯電話",
                                            "전화번호",
                                            "휴대폰",
                                            "nohp",
                                            "nomorhp",
                                            "nomortelepon",
                                            "hp",
                                            "sodienthoai",
                                            "sốđiệnthoại",
                                            "เบอร์โทร",
                                            "recipient",
                                            "to"};

int phone_name_rank(std::string_view folded) {  // 0 best; -1: not called like a phone column
  const auto* found = std::find(std::begin(kPhoneNames), std::end(kPhoneNames), folded);
  return found == std::end(kPhoneNames) ? -1 : static_cast<int>(found - std::begin(kPhoneNames));
}

struct ColumnCount {
  std::uint64_t filled = 0;
  std::uint64_t phones = 0;
  std::uint64_t clear_phones = 0;  // that nobody would take for something else
};

// Small plain integers ("1234567" as a customer number) are valid numbers of some region now and then;
// without a telling name only long numbers or those with a country code count.
bool is_clear_phone(std::string_view cell) {
  return cell.find('+') != std::string_view::npos || cell.starts_with("00") ||
         std::count_if(cell.begin(), cell.end(), [](char c) { return c >= '0' && c <= '9'; }) >= 9;
}

void choose_phone_column(FileInspection& inspection, std::span<const ColumnCount> counts) {
  int best = -1;
  double best_score = 0;
  for (std::size_t i = 0; i < inspection.columns.size(); ++i) {
    const RecipientColumn& column = inspection.columns[i];
    const int rank = phone_name_rank(fold_name(column.name));
    const double clear_share = counts[i].filled > 0 ? static_cast<double>(counts[i].clear_phones) /
                                                          static_cast<double>(counts[i].filled)
                                                    : 0;
    double score = (rank >= 0 ? column.phone_share : clear_share) * (0.5 + column.filled_share / 2);
    if (rank >= 0) score += 1.0 - rank * 0.001;
    const bool enough =
        rank >= 0 ? column.phone_share > 0 || inspection.columns.size() == 1 : clear_share >= kEnoughPhones;
    if (enough && score > best_score) {
      best_score = score;
      best = static_cast<int>(i);
    }
  }
  // A column called "phone" without one valid number is still what the person means: its rows explain
  // themselves.
  for (std::size_t i = 0; best < 0 && i < inspection.columns.size(); ++i) {
    if (inspection.columns[i].named_like_phone) best = static_cast<int>(i);
  }
  inspection.phone_column = best;
  if (best < 0) {
    inspection.phone_column_problem =
        "No column with phone numbers was found: none is called like one, and in none at least half of the "
        "values are "
        "valid numbers. Name the column, or set the default region if the numbers have no country code.";
  }
}

std::string join_names(std::span<const std::string> names) {
  std::string out;
  for (const std::string& name : names.subspan(0, std::min<std::size_t>(names.size(), 12))) {
    out += fmt::format("{}“{}”", out.empty() ? "" : ", ", name);
  }
  return names.size() > 12 ? out + ", …" : out;
}

// Guesses how many data rows the whole file has.
std::uint64_t estimate_rows(const FileInspection& inspection, std::uint64_t bytes_read,
                            std::uint64_t file_size) {
  if (bytes_read == 0 || bytes_read >= file_size) return inspection.rows_seen;
  const double share = static_cast<double>(inspection.rows_seen) / static_cast<double>(bytes_read);
  return static_cast<std::uint64_t>(share * static_cast<double>(file_size));
}

struct Inspector {
  const RecipientFileOptions& options;
  FileInspection inspection = {};
  std::vector<std::string> names = {};
  std::vector<ColumnCount> counts = {};

  bool row(const CsvRow& row) {
    if (names.empty()) {
      names = column_names(row.cells);
      counts.resize(names.size());
      for (const std::string& name : names) {
        inspection.columns.push_back({name, 0, 0, phone_name_rank(fold_name(name)) >= 0});
      }
      return true;
    }
    ++inspection.rows_seen;
    if (inspection.rows_seen > kInspectRows) return true;
    for (std::size_t i = 0; i < names.size() && i < row.cells.size(); ++i) {
      if (row.cells[i].empty()) continue;
      ++counts[i].filled;
      if (!parse_phone(row.cells[i], options.default_region)) continue;
      ++counts[i].phones;
      if (is_clear_phone(row.cells[i])) ++counts[i].clear_phones;
    }
    if (inspection.sample_rows.size() < kSampleRows) {
      std::vector<std::string> cells(row.cells.begin(), row.cells.end());
      cells.resize(names.size());
      inspection.sample_rows.push_back(std::move(cells));
      inspection.sample_lines.push_back(row.line);
    }
    return true;
  }

  void summarise() {
    const double looked_at = static_cast<double>(std::min<std::uint64_t>(inspection.rows_seen, kInspectRows));
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const auto filled = static_cast<double>(counts[i].filled);
      if (counts[i].filled > 0)
        inspection.columns[i].phone_share = static_cast<double>(counts[i].phones) / filled;
      if (looked_at > 0) inspection.columns[i].filled_share = filled / looked_at;
    }
  }
};

std::vector<std::string> warnings_about(std::span<const std::string> names) {
  std::vector<std::string> warnings;
  for (const std::string& name : names) {
    if (name.ends_with(" (2)")) {
      warnings.push_back(fmt::format("Several columns are called “{0}”; the second one is now “{1}”.",
                                     name.substr(0, name.size() - 4), name));
    }
  }
  const auto number = std::find_if(names.begin(), names.end(), [](const std::string& name) {
    return parse_phone(name, Region{}).has_value();
  });
  if (number != names.end()) {
    warnings.push_back(
        fmt::format("The first line is taken as the header, but “{}” looks like a phone number. Add a line "
                    "with column names.",
                    *number));
  }
  return warnings;
}

}  // namespace

std::vector<std::string> column_names(std::span<const std::string_view> header) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < header.size(); ++i) {
    std::string_view cell = header[i];
    while (!cell.empty() && static_cast<unsigned char>(cell.front()) <= ' ') cell.remove_prefix(1);
    while (!cell.empty() && static_cast<unsigned char>(cell.back()) <= ' ') cell.remove_suffix(1);
    const std::string base = cell.empty() ? fmt::format("column {}", i + 1) : std::string(cell);
    std::string name = base;
    for (int n = 2; std::find(names.begin(), names.end(), name) != names.end(); ++n)
      name = fmt::format("{} ({})", base, n);
    names.push_back(std::move(name));
  }
  return names;
}

int find_column(std::span<const std::string> names, std::string_view wanted) {
  const auto index_of = [names](auto same) {
    const auto found = std::find_if(names.begin(), names.end(), same);
    return found == names.end() ? -1 : static_cast<int>(found - names.begin());
  };
  if (const int exact = index_of([wanted](const std::string& name) { return name == wanted; }); exact >= 0)
    return exact;
  if (wanted.starts_with('#')) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(wanted.data() + 1, wanted.data() + wanted.size(), number);
    if (error == std::errc() && end == wanted.data() + wanted.size() && number >= 1 &&
        number <= names.size()) {
      return static_cast<int>(number - 1);
    }
  }
  const std::string folded = fold_name(wanted);
  if (folded.empty()) return -1;
  return index_of([&folded](const std::string& name) { return fold_name(name) == folded; });
}

std::string nearest_name(std::span<const std::string> names, std::string_view wanted) {
  const std::string folded = fold_name(wanted);
  std::string best;
  double best_likeness = 0.5;
  for (const std::string& name : names) {
    if (const double likeness = name_likeness(folded, fold_name(name)); likeness > best_likeness) {
      best_likeness = likeness;
      best = name;
    }
  }
  return best;
}

Result<FileInspection> inspect_recipient_file(std::string_view head, std::uint64_t file_size,
                                              const RecipientFileOptions& options) {
  Inspector inspector{options};
  FileInspection& inspection = inspector.inspection;
  std::uint64_t rows_end = 0;
  CsvReader reader(options.csv, [&inspector](const CsvRow& row) { return inspector.row(row); });
  if (head.size() > kInspectBytes) head = head.substr(0, kInspectBytes);
  PH_TRY(reader.feed(head));
  // A head that is cut ends somewhere in a row; only a whole file may be finished.
  if (head.size() >= file_size) {
    PH_TRY(reader.finish());
  }
  rows_end = head.size();
  inspection.delimiter = reader.delimiter();
  inspection.encoding = reader.encoding();
  if (inspector.names.empty()) {
    return fail(ErrorCode::invalid_argument, "line 1: the header line does not end within the first megabyte",
                "file");
  }
  if (inspection.rows_seen == 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the file has a header line ({}) but no recipients below it",
                            join_names(inspector.names)),
                "file");
  }
  inspector.summarise();
  inspection.warnings = warnings_about(inspector.names);
  inspection.row_estimate = estimate_rows(inspection, rows_end, file_size);
  if (options.phone_column.empty()) {
    choose_phone_column(inspection, inspector.counts);
    return std::move(inspection);
  }
  inspection.phone_column = find_column(inspector.names, options.phone_column);
  if (inspection.phone_column < 0) {
    const std::string nearest = nearest_name(inspector.names, options.phone_column);
    return fail(ErrorCode::invalid_argument,
                fmt::format("the file has no column “{}”{}. Its columns are {}", options.phone_column,
                            nearest.empty() ? "" : fmt::format("; did you mean “{}”?", nearest),
                            join_names(inspector.names)),
                "phone_column");
  }
  return std::move(inspection);
}

}  // namespace posthorn
