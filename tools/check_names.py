#!/usr/bin/env python3
"""Refuses two definitions of one name: types and functions of namespace posthorn outside anonymous namespaces.

Two files that each define `struct Entry` in the same namespace compile and link without a word, and then one of them runs
with the other's members (the one-definition rule). Functions count as one name when their parameters are written alike.
Prints "file:line: reason" for each finding; exit code 1 when there are any.

    check_names.py [ROOT]      checks ROOT/src
    check_names.py --self-test plants duplicates in a scratch tree and must find each
"""
import pathlib
import re
import sys
import tempfile

SUFFIXES = {".h", ".hpp", ".cpp", ".cc", ".inl"}
TOKEN = re.compile(r'R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
                   r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'|^[ \t]*#(?:\\\n|[^\n])*", re.S | re.M)
NAMESPACE = re.compile(r"^(?:inline\s+)?namespace(?:\s+([\w:]+))?$")
TYPE = re.compile(r"^(?:typedef\s+)?(?:struct|class|union|enum(?:\s+class|\s+struct)?)\s+(?:alignas\s*\([^)]*\)\s*)?([\w:]+)\s*(?:<.*>)?\s*(?:final\s*)?(?::[^:].*)?$",
                  re.S)
FUNCTION = re.compile(r"([\w:~]+|operator\s*(?:\(\)|[^\s\w(]+|\w+))\s*\(", re.S)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def without_template(head):
    """`template <class T> requires …` in front of what is defined goes away."""
    while re.match(r"^template\s*<", head):
        depth, at = 0, head.index("<")
        for at in range(at, len(head)):
            depth += {"<": 1, ">": -1}.get(head[at], 0)
            if depth == 0:
                break
        head = head[at + 1:].strip()
    return head


def parameters(head, at):
    """The text between the parentheses that open at `at`, spaces evened out, default arguments left out."""
    depth = 0
    for end in range(at, len(head)):
        depth += {"(": 1, ")": -1}.get(head[end], 0)
        if depth == 0:
            inner = re.sub(r"=[^,]*", "", head[at + 1:end])
            return re.sub(r"\s+", " ", re.sub(r"\s*\b[a-z]\w*\s*(?=,|$)", "", inner)).strip()
    return ""


def defined(head):
    """("type" | "function", key) of what a head before `{` defines, or None."""
    head = without_template(re.sub(r"\[\[.*?\]\]", " ", head, flags=re.S).strip())
    kind = TYPE.match(head)
    if kind:
        return None if "::" in kind.group(1) else ("type", kind.group(1))
    function = FUNCTION.search(head)
    if function is None or re.search(r"\bstatic\b", head[:function.start()]):
        return None
    name = re.sub(r"\s+", "", function.group(1))
    if "=" in head[:function.start()] or ("::" in name and not name.startswith("operator")):
        return None
    return ("function", f"{name}({parameters(head, function.end() - 1)})")


def definitions(text):
    """(line, kind, qualified name) at namespace scope, anonymous namespaces left out."""
    text = TOKEN.sub(blank, text)
    scopes, start, at = [], 0, 0
    while at < len(text):
        c = text[at]
        if c == "{":
            head = text[start:at].strip()
            space = NAMESPACE.match(head)
            if space or head == "extern":
                scopes.append(space.group(1) if space else "extern")
            else:
                found = defined(head)
                hidden = any(s is None for s in scopes)
                names = [s for s in scopes if s and s != "extern"]
                if found and names and names[0].split("::")[0] == "posthorn" and not hidden:
                    kind, name = found
                    line = text.count("\n", 0, start + len(text[start:at]) - len(text[start:at].lstrip())) + 1
                    yield line, kind, "::".join(names + [name])
                depth = 1
                while depth and at + 1 < len(text):
                    at += 1
                    depth += {"{": 1, "}": -1}.get(text[at], 0)
                # A constructor's or a variable's braces may be followed by more of the same statement.
            start = at + 1
        elif c == "}":
            if scopes:
                scopes.pop()
            start = at + 1
        elif c == ";":
            start = at + 1
        at += 1


def findings(root):
    places = {}
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in SUFFIXES:
            continue
        for line, kind, name in definitions(path.read_text(encoding="utf-8")):
            places.setdefault((kind, name), []).append((path.relative_to(root).as_posix(), line))
    for (kind, name), where in sorted(places.items()):
        first = where[0]
        for file, line in where[1:]:
            if file != first[0]:
                yield f"{file}:{line}: {kind} {name} is also defined in {first[0]}:{first[1]}; rename one, or put it into an anonymous namespace"


PLANTED = {
    "src/a/one.h": "namespace posthorn {\nstruct Entry {\n  int a;\n};\nenum class Kind { x };\n}\n",
    "src/a/two.cpp": "namespace posthorn {\n// struct Hidden {\nstruct Entry { long b; };\nResult<int> go(int a, bool b) { return 1; }\n}\n",
    "src/b/three.cpp": "namespace posthorn {\nnamespace {\nstruct Entry {};\nint go(int, bool) { return 2; }\n}\n"
                       "template <class T>\nclass Kind final : public Base<T> {\n};\nint go(int c, bool d) {\n  return 3;\n}\n}\n",
    "src/b/four.cpp": "namespace posthorn::inner {\nstruct Entry {};\nint go(long a) { return 1; }\nstatic int stay(int a) { return 1; }\n}\n",
    "src/b/five.cpp": "namespace posthorn::inner {\nconst char* text = \"struct Entry {\";\nconstexpr int kTable[] = {1};\nint go(int a) { return 1; }\n"
                      "static int stay(int a) { return 1; }\nvoid Entry::stop() {}\n}\n",
}
EXPECTED = {"src/a/two.cpp:3", "src/b/three.cpp:6", "src/b/three.cpp:9"}


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in PLANTED.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        found = {":".join(finding.split(":")[:2]) for finding in findings(root)}
    if found == EXPECTED:
        return 0
    print(f"missed: {sorted(EXPECTED - found)}; wrongly found: {sorted(found - EXPECTED)}")
    return 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    found = list(findings(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
