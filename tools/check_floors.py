#!/usr/bin/env python3
"""Refuses an #include from a lower floor of the house to a higher one, and between rooms that must not know each other.

The floors are those of the table in docs/architecture.md, which this reads, so that page and check cannot differ.
Prints "file:line: reason" for each finding; exit code 1 when there are any.

    check_floors.py [ROOT]      checks ROOT/src
    check_floors.py --self-test plants violations in a scratch tree and must find each
"""
import pathlib
import re
import sys
import tempfile

# Rooms on one floor may not include each other either, except within a room. These pairs are refused on any floor.
STRANGERS = {
    frozenset(("sandbox", "channels")): "the sandbox judges the channels and shares no code with them",
}
# The judge stands on the ports alone, and the channels know nothing of storage.
ONLY = {
    "sandbox": {"core", "platform", "sandbox"},
    "channels": {"core", "platform", "channels"},
}
FREE = {"pch.h", "pch.cpp"}  # belongs to no room
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
ROW = re.compile(r"^\|\s*(\d+)\s*\|\s*`src/(\w+)/`")


def floors_of(root):
    rows = (ROW.match(line) for line in (root / "docs/architecture.md").read_text(encoding="utf-8").splitlines())
    floors = {row.group(2): int(row.group(1)) for row in rows if row}
    if not floors:
        raise SystemExit("docs/architecture.md has no table of floors")
    return floors


def complaint(room, target, floors):
    if room == target:
        return None
    if target not in floors:
        return f"includes {target}/, which is no room of the house"
    if frozenset((room, target)) in STRANGERS:
        return f"{room}/ includes {target}/: {STRANGERS[frozenset((room, target))]}"
    if room in ONLY and target not in ONLY[room]:
        return f"{room}/ includes {target}/: it may use only {', '.join(sorted(ONLY[room] - {room}))}"
    if floors[target] >= floors[room]:
        return f"{room}/ (floor {floors[room]}) includes {target}/ (floor {floors[target]}): only lower floors may be included"
    return None


def room_of(include, file, root):
    """The room that an include leads to; None for headers beside the including file or outside the house."""
    beside = (file.parent / include).resolve()
    if not (root / "src" / include).exists() and beside.exists():
        parts = beside.relative_to((root / "src").resolve()).parts
        return parts[0] if len(parts) > 1 else None
    return include.split("/")[0] if "/" in include else None


def findings(root):
    floors = floors_of(root)
    for file in sorted((root / "src").rglob("*")):
        if file.suffix not in {".h", ".hpp", ".cpp", ".cc", ".inl"} or file.name in FREE:
            continue
        path = file.relative_to(root)
        room = path.parts[1]
        if room not in floors:
            yield f"{path.as_posix()}:1: is in no room of the house (docs/architecture.md)"
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
            found = INCLUDE.match(line)
            target = room_of(found.group(1), file, root) if found else None
            reason = complaint(room, target, floors) if target else None
            if reason:
                yield f"{path.as_posix()}:{number}: {reason}"


CASES = [  # room, include, refused
    ("core", "platform/clock.h", True), ("platform", "storage/database.h", True), ("storage", "messaging/pacer.h", True),
    ("messaging", "broadcasts/runner.h", True), ("broadcasts", "api/routes.h", True), ("actions", "app/main.h", True),
    ("sandbox", "channels/whatsapp/graph.h", True), ("channels", "sandbox/ledger.h", True), ("storage", "channels/x.h", True),
    ("sandbox", "storage/database.h", True), ("channels", "storage/database.h", True), ("core", "nowhere/x.h", True),
    ("core", "../platform/clock.h", True),
    ("app", "sandbox/ledger.h", False), ("messaging", "channels/x.h", False), ("storage", "platform/files.h", False),
    ("platform", "platform/stream.h", False), ("api", "core/result.h", False), ("sandbox", "platform/http.h", False),
]


def self_test():
    architecture = (pathlib.Path(__file__).parent.parent / "docs/architecture.md").read_text(encoding="utf-8")
    failures = []
    for room, include, refused in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            root = pathlib.Path(scratch)
            for name in (f"src/{room}/planted.cpp", "src/platform/clock.h", "docs/architecture.md"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "docs/architecture.md").write_text(architecture, encoding="utf-8")
            (root / "src/platform/clock.h").write_text("", encoding="utf-8")
            (root / f"src/{room}/planted.cpp").write_text(f'// a line\n#include "{include}"\n', encoding="utf-8")
            found = any(f.startswith(f"src/{room}/planted.cpp:2: ") for f in findings(root))
            if found != refused:
                failures.append(f"{room} including {include}: {'missed' if refused else 'wrongly refused'}")
    print("\n".join(failures) or f"{len(CASES)} planted includes judged rightly")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = list(findings(root))
    print("\n".join(found) or "every include leads to a lower floor")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
