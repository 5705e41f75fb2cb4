#include "messaging/sns_notice.h"

#include "core/json_writer.h"
#include "storage/event_log.h"

namespace posthorn {

Task<Result<>> note_sns_unsubscribed(Database& database, Clock& clock, std::string topic_arn) {
  const WallTime now = clock.wall_now();
  auto write = [topic_arn = std::move(topic_arn), now](Transaction& tx) -> Result<> {
    std::string data;
    JsonWriter(data)
        .begin_object()
        .member("field", "sns")
        .member("topic", std::string_view(topic_arn))
        .member("summary",
                "The SNS topic ended its subscription to this server: no more events come from it. Subscribe "
                "again unless this was meant.")
        .end_object();
    PH_TRY(events::append(tx, now, "webhook.unsubscribed", "sns:" + topic_arn, data));
    return {};
  };
  co_return co_await database.write(std::move(write));
}

}  // namespace posthorn
