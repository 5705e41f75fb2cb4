#include "broadcasts/recipient_list.h"

#include <algorithm>

#include "broadcasts/crc32c.h"

namespace posthorn {
namespace {

constexpr std::string_view kMagic = "PHLIST01";
constexpr std::string_view kEndMagic = "PHLIST!!";
constexpr std::size_t kTrailerSize = 20;
constexpr std::size_t kChecksumSize = 4;
constexpr std::uint64_t kMaxFooter = 256 * 1024 * 1024;

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

void put_string(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

void put_fixed(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}
std::uint64_t get_fixed(std::string_view bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

// Reads fields; once something is missing `ok` is false and everything reads as empty.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes, std::size_t at = 0) : bytes_(bytes), at_(at) {}

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    at_ = bytes_.size();
    return 0;
  }

  std::string_view string() {
    const std::uint64_t size = varint();
    if (size > bytes_.size() - at_) {
      ok_ = false;
      at_ = bytes_.size();
      return {};
    }
    const std::string_view text = bytes_.substr(at_, size);
    at_ += size;
    return text;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == bytes_.size(); }
  std::size_t position() const { return at_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::data_loss, "the recipient list is damaged (" + std::string(what) +
                                        "). Run the pre-flight again to build it from the upload");
}

// Fills `out` from `offset` on, or fails.
Task<Result<>> read_fully(FileReader& file, std::uint64_t offset, std::span<char> out) {
  while (!out.empty()) {
    const Result<std::size_t> got = co_await file.read_at(offset, out);
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) co_return damaged("it ends too early");
    offset += *got;
    out = out.subspan(*got);
  }
  co_return Result<>{};
}

}  // namespace

// ---- writer ----

RecipientListWriter::RecipientListWriter(std::vector<ListSlot> slots, std::size_t block_size)
    : slots_(std::move(slots)), block_size_(block_size), out_(kMagic), written_(kMagic.size()) {}

RecipientListWriter::Open& RecipientListWriter::segment(int key) {
  if (open_.size() == 1 && open_[0].key == key) return open_[0];
  const auto place =
      std::lower_bound(open_.begin(), open_.end(), key, [](const Open& o, int k) { return o.key < k; });
  if (place != open_.end() && place->key == key) return *place;
  Open open;
  open.key = key;
  open.bytes.reserve(block_size_ + 4096);
  return *open_.insert(place, std::move(open));
}

void RecipientListWriter::add(int segment_key, PhoneNumber phone, std::uint64_t source_line,
                              std::span<const std::string> values) {
  Open& open = segment(segment_key);
  put_varint(open.bytes, phone.digits());
  put_varint(open.bytes, zigzag(static_cast<std::int64_t>(source_line - open.last_line)));
  open.last_line = source_line;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].constant) put_string(open.bytes, values[i]);
  }
  ++open.rows;
  ++rows_;
  if (open.bytes.size() >= block_size_) close_block(open);
}

void RecipientListWriter::close_block(Open& open) {
  if (open.rows == 0) return;
  put_fixed(open.bytes, crc32c(open.bytes), kChecksumSize);
  open.blocks.push_back({written_, static_cast<std::uint32_t>(open.bytes.size()), open.rows, 0, 0});
  out_ += open.bytes;
  written_ += open.bytes.size();
  open.bytes.clear();
  open.rows = 0;
  open.last_line = 0;
}

void RecipientListWriter::finish() {
  std::string footer;
  put_varint(footer, slots_.size());
  for (const ListSlot& slot : slots_) {
    put_string(footer, slot.name);
    put_varint(footer, slot.constant ? 1 : 0);
    if (slot.constant) put_string(footer, slot.value);
  }
  put_varint(footer, open_.size());
  std::int64_t next_row = 1;
  for (Open& open : open_) {
    close_block(open);
    ListSegment segment{open.key, next_row, next_row - 1};
    put_varint(footer, zigzag(open.key));
    put_varint(footer, open.blocks.size());
    for (const ListBlock& block : open.blocks) {
      put_varint(footer, block.offset);
      put_varint(footer, block.size);
      put_varint(footer, block.rows);
      segment.last_row += block.rows;
    }
    next_row = segment.last_row + 1;
    segments_.push_back(segment);
  }
  out_ += footer;
  put_fixed(out_, footer.size(), 8);
  put_fixed(out_, crc32c(footer), kChecksumSize);
  out_ += kEndMagic;
  open_.clear();
}

std::string RecipientListWriter::take() {
  std::string bytes;
  bytes.swap(out_);
  return bytes;
}

// ---- reader ----

Task<Result<std::unique_ptr<RecipientListReader>>> RecipientListReader::open(
    std::unique_ptr<FileReader> file) {
  const std::uint64_t size = file->size();
  if (size < kMagic.size() + kTrailerSize) co_return damaged("it is too short");
  std::string head(kMagic.size(), '\0');
  PH_CO_TRY(co_await read_fully(*file, 0, std::span<char>(head)));
  if (head != kMagic) co_return damaged("it does not start like one");
  std::string trailer(kTrailerSize, '\0');
  PH_CO_TRY(co_await read_fully(*file, size - kTrailerSize, std::span<char>(trailer)));
  if (std::string_view(trailer).substr(12) != kEndMagic) co_return damaged("its end is missing");
  const std::uint64_t footer_size = get_fixed(trailer, 8);
  if (footer_size > kMaxFooter || footer_size > size - kTrailerSize - kMagic.size())
    co_return damaged("its index is cut");
  const std::uint64_t footer_at = size - kTrailerSize - footer_size;
  std::string footer(footer_size, '\0');
  PH_CO_TRY(co_await read_fully(*file, footer_at, std::span<char>(footer)));
  if (crc32c(footer) != get_fixed(std::string_view(trailer).substr(8), kChecksumSize)) {
    co_return damaged("its index does not match its checksum");
  }
  std::unique_ptr<RecipientListReader> reader(new RecipientListReader);
  PH_CO_TRY(reader->parse_footer(footer, footer_at));
  reader->file_ = std::move(file);
  co_return reader;
}

Result<> RecipientListReader::parse_footer(std::string_view footer, std::uint64_t blocks_end) {
  FieldReader fields(footer);
  const std::uint64_t slot_count = fields.varint();
  for (std::uint64_t i = 0; i < slot_count && fields.ok(); ++i) {
    ListSlot slot;
    slot.name = fields.string();
    slot.constant = fields.varint() == 1;
    if (slot.constant) slot.value = fields.string();
    slots_.push_back(std::move(slot));
  }
  const std::uint64_t segment_count = fields.varint();
  for (std::uint64_t s = 0; s < segment_count && fields.ok(); ++s) {
    ListSegment segment{static_cast<int>(unzigzag(fields.varint())), rows_ + 1, rows_};
    const std::uint64_t block_count = fields.varint();
    for (std::uint64_t b = 0; b < block_count && fields.ok(); ++b) {
      ListBlock block;
      block.offset = fields.varint();
      block.size = static_cast<std::uint32_t>(fields.varint());
      block.rows = static_cast<std::uint32_t>(fields.varint());
      block.first_row = rows_ + 1;
      block.segment = static_cast<std::uint32_t>(segments_.size());
      if (block.size < kChecksumSize || block.offset > blocks_end || block.size > blocks_end - block.offset) {
        return damaged("a block lies outside the file");
      }
      rows_ += block.rows;
      blocks_.push_back(block);
    }
    segment.last_row = rows_;
    segments_.push_back(segment);
  }
  if (!fields.ok() || !fields.at_end()) return damaged("its index cannot be read");
  return {};
}

Task<Result<>> RecipientListReader::load_block(std::size_t index) {
  if (cached_ == index) co_return Result<>{};
  const ListBlock& block = blocks_[index];
  auto bytes = std::make_shared<std::string>(block.size, '\0');
  PH_CO_TRY(co_await read_fully(*file_, block.offset, std::span<char>(*bytes)));
  const std::string_view records = std::string_view(*bytes).substr(0, block.size - kChecksumSize);
  if (crc32c(records) != get_fixed(std::string_view(*bytes).substr(records.size()), kChecksumSize)) {
    co_return damaged("a block does not match its checksum");
  }
  bytes->resize(records.size());
  bytes_ = std::move(bytes);
  cached_ = index;
  next_row_ = block.first_row;
  next_position_ = 0;
  next_line_ = 0;
  co_return Result<>{};
}

Task<Result<RecipientBatch>> RecipientListReader::read(std::int64_t first_row, std::size_t count) {
  if (first_row < 1) co_return fail(ErrorCode::invalid_argument, "rows are numbered from 1", "first_row");
  if (first_row > rows_ || count == 0) co_return RecipientBatch{};
  const auto after =
      std::upper_bound(blocks_.begin(), blocks_.end(), first_row,
                       [](std::int64_t row, const ListBlock& block) { return row < block.first_row; });
  PH_CO_TRY(co_await load_block(static_cast<std::size_t>(after - blocks_.begin()) - 1));
  co_return decode(first_row, count);
}

Result<RecipientBatch> RecipientListReader::decode(std::int64_t first_row, std::size_t count) {
  const ListBlock& block = blocks_[cached_];
  if (first_row < next_row_) {
    next_row_ = block.first_row;
    next_position_ = 0;
    next_line_ = 0;
  }
  const std::int64_t left = block.first_row + block.rows - first_row;
  count = std::min(count, static_cast<std::size_t>(left));
  RecipientBatch batch;
  batch.block = bytes_;
  batch.segment = block.segment;
  batch.rows.reserve(count);
  batch.values.resize(count * slots_.size());
  FieldReader fields(*bytes_, next_position_);
  while (batch.rows.size() < count) {
    ListedRecipient row;
    row.row_no = next_row_++;
    row.phone = PhoneNumber::from_digits(fields.varint());
    next_line_ += static_cast<std::uint64_t>(unzigzag(fields.varint()));
    row.source_line = next_line_;
    const bool wanted = row.row_no >= first_row;
    std::string_view* values = wanted ? batch.values.data() + batch.rows.size() * slots_.size() : nullptr;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const std::string_view value = slots_[i].constant ? std::string_view(slots_[i].value) : fields.string();
      if (wanted) values[i] = value;
    }
    if (!fields.ok()) {
      cached_ = static_cast<std::size_t>(-1);
      return damaged("a block ends too early");
    }
    row.values = {values, slots_.size()};
    if (wanted) batch.rows.push_back(row);
  }
  next_position_ = fields.position();
  return batch;
}

}  // namespace posthorn
