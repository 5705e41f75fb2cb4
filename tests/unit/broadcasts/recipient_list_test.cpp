#include "broadcasts/recipient_list.h"

#include <map>

#include <gtest/gtest.h>

#include "broadcasts/crc32c.h"
#include "platform/simulated/simulated_files.h"
#include "run_task.h"

namespace posthorn {
namespace {

using simulated::SimulatedFiles;

Result<std::unique_ptr<RecipientListReader>> open_bytes(std::string bytes) {
  SimulatedFiles files;
  files.put("list", std::move(bytes));
  auto file = run_task(files.open("list"));
  if (!file) return std::unexpected(file.error());
  return run_task(RecipientListReader::open(std::move(*file)));
}

const std::vector<ListSlot> kSlots = {
    {"body.1"}, {"header.media", true, "https://example.org/a.png"}, {"body.2"}};

std::vector<std::string> values_of(int i) {
  return {"name " + std::to_string(i), "ignored", std::string(static_cast<std::size_t>(i % 5), 'v')};
}
PhoneNumber phone_of(int i) {
  return PhoneNumber::from_digits(491700000000U + static_cast<unsigned>(i));
}

std::string make_list(int rows, std::size_t block_size, int segments = 1) {
  RecipientListWriter writer(kSlots, block_size);
  std::string bytes;
  for (int i = 1; i <= rows; ++i) {
    writer.add((i % segments) * 60 - 120, phone_of(i), static_cast<std::uint64_t>(i) * 3, values_of(i));
    bytes += writer.take();
  }
  writer.finish();
  return bytes + writer.take();
}

// Everything that can be read, row by row; the error of the first call that fails.
Result<std::map<std::int64_t, std::uint64_t>> read_all(RecipientListReader& reader, std::size_t count) {
  std::map<std::int64_t, std::uint64_t> phones;
  for (std::int64_t row = 1; row <= reader.rows();) {
    PH_TRY_ASSIGN(const RecipientBatch batch, run_task(reader.read(row, count)));
    if (batch.rows.empty()) break;
    for (const ListedRecipient& recipient : batch.rows) phones[recipient.row_no] = recipient.phone.digits();
    row += static_cast<std::int64_t>(batch.rows.size());
  }
  return phones;
}

TEST(Crc32c, MatchesTheStandard) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(RecipientList, GivesBackWhatWasWritten) {
  auto reader = open_bytes(make_list(1000, 512));
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ((*reader)->rows(), 1000);
  ASSERT_EQ((*reader)->slots().size(), 3U);
  EXPECT_EQ((*reader)->slots()[1].value, "https://example.org/a.png");
  int seen = 0;
  for (std::int64_t row = 1; row <= 1000;) {
    const auto batch = run_task((*reader)->read(row, 7));
    ASSERT_TRUE(batch);
    ASSERT_FALSE(batch->rows.empty());
    for (const ListedRecipient& recipient : batch->rows) {
      ++seen;
      ASSERT_EQ(recipient.row_no, seen);
      EXPECT_EQ(recipient.phone, phone_of(seen));
      EXPECT_EQ(recipient.source_line, static_cast<std::uint64_t>(seen) * 3);
      EXPECT_EQ(recipient.values[0], values_of(seen)[0]);
      EXPECT_EQ(recipient.values[1], "https://example.org/a.png");
      EXPECT_EQ(recipient.values[2], values_of(seen)[2]);
    }
    row += static_cast<std::int64_t>(batch->rows.size());
  }
  EXPECT_EQ(seen, 1000);
}

TEST(RecipientList, StartsAtAnyRow) {
  auto reader = open_bytes(make_list(500, 256));
  ASSERT_TRUE(reader);
  for (std::int64_t row = 500; row >= 1; row -= 3) {  // backwards: worst for the cache
    const auto batch = run_task((*reader)->read(row, 1));
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->rows.size(), 1U);
    EXPECT_EQ(batch->rows[0].row_no, row);
    EXPECT_EQ(batch->rows[0].phone, phone_of(static_cast<int>(row)));
  }
  EXPECT_TRUE(run_task((*reader)->read(501, 10))->rows.empty());
  EXPECT_EQ(run_task((*reader)->read(0, 10)).error().code, ErrorCode::invalid_argument);
}

TEST(RecipientList, SegmentsAreConsecutive) {
  auto reader = open_bytes(make_list(1000, 256, 4));
  ASSERT_TRUE(reader);
  const auto& segments = (*reader)->segments();
  ASSERT_EQ(segments.size(), 4U);
  std::int64_t next = 1;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    EXPECT_EQ(segments[i].key, static_cast<int>(i) * 60 - 120);
    EXPECT_EQ(segments[i].first_row, next);
    EXPECT_EQ(segments[i].rows(), 250);
    next = segments[i].last_row + 1;
    const auto batch = run_task((*reader)->read(segments[i].first_row, 1));
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->segment, i);
    EXPECT_EQ(batch->rows[0].phone.digits() % 4, i);
  }
  const auto phones = read_all(**reader, 50);
  ASSERT_TRUE(phones);
  EXPECT_EQ(phones->size(), 1000U);
}

TEST(RecipientList, MayBeEmpty) {
  auto reader = open_bytes(make_list(0, 256));
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->rows(), 0);
  EXPECT_TRUE(run_task((*reader)->read(1, 10))->rows.empty());
}

TEST(RecipientList, EveryCutIsNoticed) {
  const std::string whole = make_list(60, 256, 2);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto reader = open_bytes(whole.substr(0, size));
    ASSERT_FALSE(reader) << "cut at " << size;
    EXPECT_EQ(reader.error().code, ErrorCode::data_loss);
  }
}

TEST(RecipientList, EveryFlippedByteIsNoticed) {
  const std::string whole = make_list(60, 256, 2);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x41);
    auto reader = open_bytes(bytes);
    if (!reader) {
      EXPECT_EQ(reader.error().code, ErrorCode::data_loss);
      continue;
    }
    const auto phones = read_all(**reader, 100);
    ASSERT_FALSE(phones) << "flipped at " << at;
    EXPECT_EQ(phones.error().code, ErrorCode::data_loss);
  }
}

}  // namespace
}  // namespace posthorn
