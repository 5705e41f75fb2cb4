// One open transaction on an in-memory database with our schema, for tests of SQL.
#pragma once
#include <gtest/gtest.h>

#include "storage/migrations.h"
#include "storage/sqlite_connection.h"
#include "storage/sqlite_statements.h"
#include "storage/sqlite_transaction.h"

namespace posthorn::test {

class TableTest : public ::testing::Test {
 protected:
  TableTest() {
    EXPECT_TRUE(connection_.run("PRAGMA foreign_keys=ON"));
    EXPECT_TRUE(migrate(connection_.handle(), embedded_migrations()));
    EXPECT_TRUE(connection_.run("BEGIN"));
  }
  Transaction& tx() { return transaction_; }

 private:
  SqliteConnection connection_ = SqliteConnection::open(":memory:", {}).value();
  StatementCache statements_{connection_.handle()};
  SqliteFaults faults_;
  SqliteTransaction transaction_{connection_.handle(), statements_, faults_, SqliteTransaction::Mode::write};
};

}  // namespace posthorn::test
