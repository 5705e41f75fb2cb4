// The compiled recipient list: an immutable file of phone numbers and resolved values, read front to back
// while sending.
//
// Layout, integers little-endian:
//   "PHLIST01"
//   blocks: records, then CRC-32C of the records (4 bytes)
//     record: varint phone, zigzag varint (source line − line of the record before, 0 at a block's start),
//             for each slot that is not constant: varint length, bytes
//   footer: varints and strings: slots (name, constant?, value), segments, block index; see
//   recipient_list.cpp trailer (20 bytes): footer length (8), CRC-32C of the footer (4), "PHLIST!!" (8)
// A block belongs to one segment. Blocks of different segments may interleave in the file; rows are numbered
// from 1 segment by segment in the order of segment keys, so a segment's rows are consecutive.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/phone_number.h"
#include "core/result.h"
#include "platform/async.h"
#include "platform/files.h"

namespace posthorn {

struct ListSlot {
  std::string name;
  bool constant = false;
  std::string value = {};  // of a constant slot; stored once
};

struct ListSegment {
  int key = 0;                 // UTC offset in minutes when sending by local time; 0 otherwise
  std::int64_t first_row = 1;  // from 1 over the whole list
  std::int64_t last_row = 0;
  std::int64_t rows() const { return last_row - first_row + 1; }
};

struct ListBlock {
  std::uint64_t offset = 0;
  std::uint32_t size = 0;  // with its checksum
  std::uint32_t rows = 0;
  std::int64_t first_row = 0;
  std::uint32_t segment = 0;  // index into segments
};

// Encodes a list. The bytes come out of take() in pieces, to be appended to the file in that order.
class RecipientListWriter {
 public:
  explicit RecipientListWriter(std::vector<ListSlot> slots, std::size_t block_size = 64 * 1024);
  // `values`: one for each slot; those of constant slots are ignored. Rows must come in the order they shall
  // be sent.
  void add(int segment_key, PhoneNumber phone, std::uint64_t source_line,
           std::span<const std::string> values);
  void finish();       // nothing may be added afterwards
  std::string take();  // bytes not taken yet
  std::size_t pending() const { return out_.size(); }
  std::int64_t rows() const { return rows_; }
  const std::vector<ListSegment>& segments() const { return segments_; }  // final after finish()

 private:
  struct Open {
    int key = 0;
    std::string bytes;
    std::uint32_t rows = 0;
    std::uint64_t last_line = 0;
    std::vector<ListBlock> blocks;
  };
  Open& segment(int key);
  void close_block(Open& open);

  std::vector<ListSlot> slots_;
  std::size_t block_size_;
  std::vector<Open> open_;  // sorted by key
  std::vector<ListSegment> segments_;
  std::string out_;
  std::uint64_t written_ = 0;  // file offset of the end of out_
  std::int64_t rows_ = 0;
};

struct ListedRecipient {
  std::int64_t row_no = 0;
  PhoneNumber phone;
  std::uint64_t source_line = 0;
  std::span<const std::string_view> values;  // in slot order, constants included
};

// Consecutive rows of one segment. Views point into memory that the batch owns.
struct RecipientBatch {
  std::vector<ListedRecipient> rows;
  std::vector<std::string_view> values;
  std::shared_ptr<const std::string> block;
  std::size_t segment = 0;  // index into RecipientListReader::segments()
};

class RecipientListReader {
 public:
  // Reads and checks header, footer and trailer. data_loss when the file is cut or altered.
  static Task<Result<std::unique_ptr<RecipientListReader>>> open(std::unique_ptr<FileReader> file);

  const std::vector<ListSlot>& slots() const { return slots_; }
  const std::vector<ListSegment>& segments() const { return segments_; }
  std::int64_t rows() const { return rows_; }

  // Rows from `first_row` on, at most `count` and at most to the end of its block: ask again for more. Empty
  // past the last row. Sequential calls read each block once. One call at a time. data_loss when a block is
  // damaged. The reader must outlive the batch.
  Task<Result<RecipientBatch>> read(std::int64_t first_row, std::size_t count);

 private:
  RecipientListReader() = default;
  Result<> parse_footer(std::string_view footer, std::uint64_t blocks_end);
  Task<Result<>> load_block(std::size_t index);
  Result<RecipientBatch> decode(std::int64_t first_row, std::size_t count);

  std::unique_ptr<FileReader> file_;
  std::vector<ListSlot> slots_;
  std::vector<ListSegment> segments_;
  std::vector<ListBlock> blocks_;  // by first_row
  std::int64_t rows_ = 0;
  // The block read last, and where in it the next sequential row starts.
  std::size_t cached_ = static_cast<std::size_t>(-1);
  std::shared_ptr<const std::string> bytes_;
  std::int64_t next_row_ = 0;
  std::size_t next_position_ = 0;
  std::uint64_t next_line_ = 0;
};

}  // namespace posthorn
