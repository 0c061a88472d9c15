#!/usr/bin/env python3
"""Which folder of src/ may include which (docs/overview.md), and where HAVE_ switches may stand.

usage: ladder.py SOURCE_ROOT
"""

import os
import re
import sys

PURE = {'base', 'media', 'bitstream', 'mux', 'proto'}
BELOW_SINK = PURE | {'stream', 'net', 'access'}
MAY_SEE = {
    'base': set(),
    'media': {'base'},
    'bitstream': {'base', 'media'},
    'mux': {'base', 'media', 'bitstream'},
    'proto': {'base', 'media', 'bitstream'},
    'stream': {'base', 'media', 'mux/mux.h'},
    'access': {'base'},
    'net': {'base', 'proto'},
    'helper': {'base', 'media'},
    'source': PURE | {'net', 'helper'},
    'codec': PURE | {'net', 'helper'},
    'pipeline': PURE | {'source', 'codec', 'stream'},
    'sink': BELOW_SINK,
    'relay': BELOW_SINK,
    'web': {'base', 'net'},
    'api': BELOW_SINK,
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SWITCH = re.compile(r'^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*\bHAVE_')
SWITCHES_IN = 'app/registry.c'
GENERATED = {'app/features.h'}  # by Meson


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def sink_names(src):
    """The files of sink/ that are a sink: those that define a struct sink_type."""
    folder = os.path.join(src, 'sink')
    names = set()
    for file in os.listdir(folder) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, file), encoding='utf-8') as text:
            if file.endswith('.c') and re.search(r'^(static )?const struct sink_type \w+ = ', text.read(), re.M):
                names.add(stem(file))
    return names


def fault_of_include(src, path, target, sinks):
    """Why the file `path` (below src) may not include `target`; None when it may."""
    folder, seen = path.split('/')[0], target.split('/')[0]
    if target in GENERATED and folder == 'app':
        return None
    if '/' not in target or not os.path.exists(os.path.join(src, target)):
        return 'is no "folder/file.h" of src/'
    if folder == 'app':
        return None
    if seen == 'app':
        return 'only app may see app'
    if seen != folder and not {seen, target} & MAY_SEE[folder]:
        return f'{folder} may not see {seen}'
    if folder == seen == 'sink' and stem(target) in sinks and not stem(path).startswith(stem(target)):
        return 'no sink includes another sink'
    return None


def faults(src):
    sinks = sink_names(src)
    for where, _, files in os.walk(src):
        for file in sorted(f for f in files if f.endswith(('.c', '.h', '.cpp'))):
            path = os.path.relpath(os.path.join(where, file), src)
            if path.split('/')[0] not in MAY_SEE.keys() | {'app'}:
                yield f'src/{path}: its folder has no place on the include ladder'
                continue
            with open(os.path.join(src, path), encoding='utf-8') as text:
                for number, line in enumerate(text, 1):
                    found = INCLUDE.match(line)
                    fault = found and fault_of_include(src, path, found[1], sinks)
                    if fault:
                        yield f'src/{path}:{number}: "{found[1]}": {fault}'
                    if SWITCH.match(line) and path != SWITCHES_IN:
                        yield f'src/{path}:{number}: HAVE_ switches stand only in src/{SWITCHES_IN}'


def main():
    found = list(faults(os.path.join(sys.argv[1], 'src')))
    print('\n'.join(found) or 'the include ladder holds')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
