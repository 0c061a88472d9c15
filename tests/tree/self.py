#!/usr/bin/env python3
"""The tests of the tree do find what they are for: each is given a small tree with one fault.

usage: self.py SOURCE_ROOT
"""

import os
import subprocess
import sys
import tempfile

SINK = 'const struct sink_type sink_{0} = {{}};\n'
CASES = [
    # (script, {file: text}, what it must say; None: nothing is wrong)
    ('ladder', {'src/media/a.c': '#include "base/b.h"\n', 'src/base/b.h': ''}, None),
    ('ladder', {'src/base/b.c': '#include "media/a.h"\n', 'src/media/a.h': ''}, 'base may not see media'),
    ('ladder', {'src/stream/s.c': '#include "mux/mux.h"\n', 'src/mux/mux.h': ''}, None),
    ('ladder', {'src/stream/s.c': '#include "mux/fmp4.h"\n', 'src/mux/fmp4.h': ''}, 'stream may not see mux'),
    ('ladder', {'src/base/b.c': '#include "b.h"\n', 'src/base/b.h': ''}, 'no "folder/file.h"'),
    ('ladder', {'src/api/a.c': '#include "app/registry.h"\n', 'src/app/registry.h': ''}, 'only app'),
    ('ladder', {'src/sink/ws.c': SINK.format('ws') + '#include "sink/ws_hello.h"\n', 'src/sink/ws_hello.h': ''}, None),
    ('ladder', {'src/sink/ws.c': '#include "sink/whep.h"\n', 'src/sink/whep.c': SINK.format('whep'),
                'src/sink/whep.h': ''}, 'another sink'),
    ('ladder', {'src/codec/x.c': '#if HAVE_X264\n#endif\n'}, 'only in src/app/registry.c'),
    ('ladder', {'src/app/registry.c': '#if HAVE_X264\n#endif\n'}, None),
    ('ladder', {'src/odd/x.c': ''}, 'no place'),
    ('headers', {'src/base/a.h': '#include <stddef.h>\nsize_t a(void);\n'}, None),
    ('headers', {'src/base/a.h': 'size_t a(void);\n'}, 'does not compile alone'),
    ('headers', {'src/base/a.h': 'struct a { int b; };\n'}, 'redefinition'),
    ('files', {'README.md': '[a](docs/a.md#b) [c](https://example.org) `[x](y)`', 'docs/a.md': ''}, None),
    ('files', {'README.md': '[a](docs/a.md)'}, 'not there'),
    ('files', {'a.c': 'open("/' + 'work/x");'}, "somebody's machine"),
    ('files', {'a.json': '"https://registry' + '.npmjs.org/ws"'}, "registry's host"),
    ('files', {'a.c': '<' * 7 + ' HEAD\n'}, 'merge mark'),
]


def fails(case, scripts):
    script, tree, expected = case
    with tempfile.TemporaryDirectory() as root:
        for path, text in tree.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
                file.write(text)
        run = subprocess.run([sys.executable, os.path.join(scripts, script + '.py'), root, 'cc'],
                             capture_output=True, text=True)
    right = run.returncode == 0 if expected is None else run.returncode == 1 and expected in run.stdout
    return '' if right else f'{script} {tree}: expected {expected}, got {run.stdout}{run.stderr}'


def main():
    scripts = os.path.join(sys.argv[1], 'tests', 'tree')
    failed = [f for f in (fails(c, scripts) for c in CASES) if f]
    print('\n'.join(failed) or f'{len(CASES)} cases')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
