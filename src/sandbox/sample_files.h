// Small real files of every kind that people send: the smallest that programs recognise by their content.
#pragma once
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "core/result.h"

namespace posthorn::sandbox {

struct SampleFile {
  std::string mime, bytes;
};

// `kind`: image, video, audio, voice, document, file, sticker. Empty mime for others.
SampleFile sample_file(std::string_view kind);

// The file that a control call describes over the sample of its kind: {"mime_type"}, {"base64"} or {"text"}
// for the bytes, {"size"} (at most 100 MiB) lengthens them with bytes that follow from their position.
Result<SampleFile> file_of(const boost::json::value& description, std::string_view kind);

}  // namespace posthorn::sandbox
