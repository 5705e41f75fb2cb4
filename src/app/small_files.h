// Small files of the data folder: keys and the server's address. Readable by their owner only.
#pragma once
#include <string>

#include "core/result.h"
#include "core/secret.h"
#include "platform/files.h"
#include "platform/random.h"

namespace posthorn {

// Whole file, up to 64 KB; not_found when there is none.
Task<Result<std::string>> read_small_file(Files& files, std::string path);
Task<Result<>> write_small_file(Files& files, std::string path, std::string text);

// not_found when there is none, data_loss when it is no key.
Task<Result<Secret>> read_master_key(Files& files, std::string path);

// The 32 bytes that seal secrets in the database, from <data folder>/master.key; drawn at the first start.
// No backup holds it: a copy belongs to each, kept apart from it. Without it a backup can be restored only
// without its secrets, and every token must be stored again.
Task<Result<Secret>> load_master_key(Files& files, Random& random, std::string data_folder);

}  // namespace posthorn
