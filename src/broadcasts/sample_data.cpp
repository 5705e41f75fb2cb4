#include "broadcasts/sample_data.h"

#include <array>
#include <string>

#include <fmt/format.h>

#include "broadcasts/csv_writer.h"

namespace posthorn {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

constexpr std::string_view kFirstNames[] = {
    "Anna", "Ben",  "Clara", "David", "Elif", "Finn",  "Greta", "Hassan", "Ida",  "Jonas",   "Karla", "Leon",
    "Mia",  "Noah", "Olga",  "Paul",  "Rosa", "Sören", "Tilda", "Umut",   "Vera", "William", "Yara",  "Zoë"};
constexpr std::string_view kLastNames[] = {"Albrecht", "Brandt",           "Conrad",   "Dietrich", "Engel",
                                           "Fischer",  "Günther",          "Hoffmann", "Jansen",   "Krüger",
                                           "Lehmann",  "Meier, geb. Lang", "Neumann",  "Otto",     "Peters",
                                           "Richter",  "Schäfer",          "Thomas",   "Vogel",    "Weiß"};
constexpr std::string_view kRefusedPhones[] = {
    "",          "n/a",  "4.91701E+11",        "+49 170",        "123", "+999 12345",
    "unbekannt", "0170", "+49 30 1234 ext. 7", "+1 115 555 0100"};

struct Country {
  std::string_view city, language;
  std::uint64_t prefix;  // of the mobile numbers, with country code; seven digits follow
};
constexpr Country kCountries[] = {
    {"Berlin", "de", 49170},
    {"Hamburg", "de", 49171},
    {"München", "de", 49172},
    {"Köln", "de", 49175},
    {"Frankfurt am Main", "de", 49160},
    {"London", "en", 44774},
    {"Wien", "de", 43664},
    {"Paris", "fr", 3361},
    {"Madrid", "es", 3461},
    {"Milano", "it", 39347},
    {"São Paulo", "pt", 551198},
    {"Mumbai", "en", 91982},
};

// The spellings that turn up in one column once people have typed it.
std::string spell(std::uint64_t digits, std::uint64_t style) {
  const std::string all = std::to_string(digits);
  const bool german = all.starts_with("49");
  const std::size_t code = 2;  // every country of the sample has two digits
  const std::string rest = all.substr(code);
  switch (style % 8) {
    case 0:
      return fmt::format("+{} {} {}", all.substr(0, code), rest.substr(0, 3), rest.substr(3));
    case 1:
      return "+" + all;
    case 2:
      return fmt::format("00{} {}", all.substr(0, code), rest);
    case 3:
      return german ? fmt::format("0{}/{}", rest.substr(0, 3), rest.substr(3)) : "+" + all;
    case 4:
      return german ? fmt::format("0{} {}-{}", rest.substr(0, 3), rest.substr(3, 4), rest.substr(7))
                    : "+" + all;
    case 5:
      return german ? all : "00" + all;
    case 6:
      return fmt::format("(+{}) {}.{}", all.substr(0, code), rest.substr(0, 3), rest.substr(3));
    default:
      return "'+" + all;
  }
}

class SampleWriter {
 public:
  explicit SampleWriter(const SampleShape& shape)
      : shape_(shape), csv_(text_, shape.semicolons ? ';' : ',') {}

  Result<> run(const std::function<Result<>(std::string_view)>& write) {
    csv_.verbatim("name").verbatim("phone").verbatim("city").verbatim("voucher").verbatim("amount").verbatim(
        "language");
    csv_.end_row();
    for (std::uint64_t i = 0; i < shape_.accepted; ++i) {
      row(i, spell(number(i), random()));
      if (due(i, shape_.duplicates)) row(i, spell(number(i - i % 7), random()));
      if (due(i, shape_.rejected)) row(i, kRefusedPhones[random() % std::size(kRefusedPhones)]);
      if (text_.size() < kPiece) continue;
      PH_TRY(write(text_));
      text_.clear();
    }
    return text_.empty() ? Result<>{} : write(text_);
  }

 private:
  // Whether one of `total` extra rows, spread evenly, comes after row i.
  bool due(std::uint64_t i, std::uint64_t total) const {
    return (i + 1) * total / shape_.accepted != i * total / shape_.accepted;
  }

  static const Country& country(std::uint64_t i) { return kCountries[i % std::size(kCountries)]; }
  // Distinct for distinct i below 10^7 × countries: multiplication by an odd number that is prime to ten
  // permutes.
  static std::uint64_t number(std::uint64_t i) {
    const std::uint64_t nth = i / std::size(kCountries);
    return country(i).prefix * 10'000'000 + (nth * 7'654'321 + 1'234'567) % 10'000'000;
  }

  std::uint64_t random() {  // SplitMix64: the sample must be the same bytes everywhere
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
  }

  void row(std::uint64_t i, std::string_view phone) {
    const std::string name = fmt::format("{} {}", kFirstNames[random() % std::size(kFirstNames)],
                                         kLastNames[random() % std::size(kLastNames)]);
    const std::uint64_t cents = 500 + random() % 9500;
    csv_.verbatim(name).verbatim(phone).verbatim(country(i).city);
    csv_.verbatim(fmt::format("PH{:06X}", random() & 0xFFFFFF));
    csv_.verbatim(fmt::format("{}.{:02}", cents / 100, cents % 100)).verbatim(country(i).language).end_row();
  }

  SampleShape shape_;
  std::string text_;
  CsvWriter csv_;
  std::uint64_t state_ = 50'000;
};

}  // namespace

Result<> write_sample_recipients(const SampleShape& shape,
                                 const std::function<Result<>(std::string_view)>& write) {
  return SampleWriter(shape).run(write);
}

}  // namespace posthorn
