#!/usr/bin/env python3
"""Write the files of the page as one C source file: web_assets[] of src/web/assets.h.

usage: embed-web.py OUTPUT.c FILE...

References to /assets/ in HTML become /assets/VERSION/, where VERSION is a hash over all other
files: these addresses never change their contents, so browsers may keep them for ever, and a page
never mixes modules of two builds. The module that a page begins with is joined with those that it
imports (join_modules.py). The same input gives the same bytes on every machine.
"""
import gzip
import hashlib
import os
import re
import sys

sys.dont_write_bytecode = True
import join_modules  # noqa: E402

MIME = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def digest(data, length):
    return hashlib.sha256(data).hexdigest()[:length]


def version_of(files):
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        if not name.endswith(".html"):
            whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()[:12]


def with_joined(files):
    """The files, with each page's first module joined with what it imports, which then can go."""
    sources = {name: data.decode() for name, data in files.items() if name.endswith(".js")}
    pages = "".join(data.decode() for name, data in files.items() if name.endswith(".html"))
    entries = re.findall(r'<script [^>]*src="/assets/([\w.]+)"', pages)
    inside = {name for entry in entries for name in join_modules.in_order(entry, sources)}
    joined = {entry: join_modules.join(entry, sources).encode() for entry in entries}
    return {name: data for name, data in files.items() if name not in inside} | joined


def c_array(name, data):
    rows = [data[i:i + 24] for i in range(0, len(data), 24)]
    body = "\n".join("".join(f"{byte}," for byte in row) for row in rows)
    return f"static const uint8_t {name}[{len(data)}] = {{\n{body}\n}};\n"


def generate(files):
    version = version_of(files)
    arrays, rows = [], []
    for i, (name, data) in enumerate(sorted(files.items())):
        if name.endswith(".html"):
            data = data.replace(b"/assets/", f"/assets/{version}/".encode())
        packed = gzip.compress(data, 9, mtime=0)
        arrays.append(c_array(f"gzip{i}", packed))
        rows.append(
            f'    {{.path = "{name}", .mime = "{MIME[os.path.splitext(name)[1]]}",\n'
            f'     .etag = "W/\\"{digest(data, 16)}\\"", .size = {len(data)},\n'
            f"     .gzip = gzip{i}, .gzip_size = sizeof(gzip{i})}},\n")
    return ('/* Made by tools/embed-web.py; do not edit. */\n#include "web/assets.h"\n\n'
            + "".join(arrays)
            + f'\nconst char web_assets_version[] = "{version}";\n'
            + "const struct web_asset web_assets[] = {\n" + "".join(rows) + "};\n"
            + "const size_t n_web_assets = sizeof(web_assets) / sizeof(*web_assets);\n")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    files = {}
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            files[os.path.basename(path)] = file.read()
    try:
        source = generate(with_joined(files))
    except ValueError as error:
        sys.exit(f"embed-web.py: {error}")
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write(source)


if __name__ == "__main__":
    main()
