#!/usr/bin/env python3
"""Runs clang-tidy (.clang-tidy) with the flags of a build folder; as many files at a time as there are cores.

    run_tidy.py BUILD_FOLDER [PATH_PREFIX ...]     for example: run_tidy.py build/test src/core src/messaging

Prefixes are those of source files; without any, every file of the build. Exit code 1 when there are findings.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DROPPED = {"-c", "-MD", "-Werror", "-Winvalid-pch"}
DROPPED_WITH_VALUE = {"-o", "-MT", "-MF", "-Xclang"}  # -Xclang: the precompiled header, all of which each file would check again


def flags_of(entry):
    words = shlex.split(entry["command"])
    compiler = next(i for i, word in enumerate(words) if re.search(r"clang\+\+[^/]*$", word))
    flags, skip = [], False
    for word in words[compiler + 1:]:
        if skip or word in DROPPED or word == entry["file"]:
            skip = False
        elif word in DROPPED_WITH_VALUE:
            skip = True
        else:
            flags.append(word)
    return flags


def run(entry):
    done = subprocess.run(["clang-tidy-19", "--quiet", entry["file"], "--", *flags_of(entry)],
                          cwd=entry["directory"], capture_output=True, text=True)
    return os.path.relpath(entry["file"], ROOT), done.returncode, done.stdout.replace(str(ROOT) + "/", ""), done.stderr


def main():
    build, prefixes = pathlib.Path(sys.argv[1]), tuple(sys.argv[2:])
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if entry["file"].endswith(".cpp") and pathlib.Path(entry["file"]).is_relative_to(ROOT)
               and not pathlib.Path(entry["file"]).is_relative_to(ROOT / "build")
               and os.path.relpath(entry["file"], ROOT).startswith(prefixes or "")]
    if not entries:
        sys.exit(f"no file of {build} starts with {' or '.join(prefixes)}")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, code, out, errors in pool.map(run, entries):
            if code:
                failed += 1
                print(out or f"{name}: clang-tidy failed\n{errors}", flush=True)
    print(f"{len(entries)} files, {failed} with findings")
    return 1 if failed else 0


sys.exit(main())
