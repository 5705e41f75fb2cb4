// Media of WhatsApp numbers that are linked to AWS: the service writes the file into our bucket, from where
// it is fetched by an address that is signed for minutes.
#pragma once
#include <string>

#include "channels/aws/eum_client.h"
#include "channels/aws/s3_bucket.h"
#include "messaging/media_source.h"
#include "platform/log.h"

namespace posthorn {

class EumMediaSource final : public MediaSource {
 public:
  // `prefix`: beginning of every key, as aws.media_prefix. account.transport_id names the number at the
  // service.
  EumMediaSource(aws::EumClient& social, aws::S3Bucket& bucket, std::string prefix, Log& log)
      : social_(social), bucket_(bucket), prefix_(std::move(prefix)), log_(log) {}

  // A file that an earlier attempt left in the bucket is used again.
  Task<Result<MediaPlace>> locate(StoredAttachment attachment, Account account) override;
  Task<> release(StoredAttachment attachment, Account account) override;

 private:
  std::string folder_of(const StoredAttachment& attachment) const;
  aws::EumClient& social_;
  aws::S3Bucket& bucket_;
  std::string prefix_;
  Log& log_;
};

}  // namespace posthorn
