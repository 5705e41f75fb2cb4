// One attempt to fetch one attachment, without the rows: used by media_fetcher.cpp only.
#pragma once
#include <memory>
#include <string>

#include "messaging/media_fetcher.h"
#include "messaging/media_rows.h"

namespace posthorn {

struct MediaAttempt {
  enum class End {
    had,      // `writer` holds the bytes, `facts` what they are
    again,    // not this time
    doubt,    // the answer was not the file; `state` if it stays so
    given_up  // `state` at once
  };
  End end = End::again;
  AttachmentState state = AttachmentState::lost;
  std::string error;
  Duration not_before{};  // as the server asks
  MediaFacts facts;
  std::unique_ptr<BlobWriter> writer;
};

// `stopping` ends it at the next piece.
Task<MediaAttempt> attempt_media(const MediaFetcherPorts& ports, const MediaFetcherOptions& options,
                                 const bool& stopping, DueAttachment due);

}  // namespace posthorn
