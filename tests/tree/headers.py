#!/usr/bin/env python3
"""Every header of src/ compiles alone: what it uses it includes itself.

usage: headers.py SOURCE_ROOT COMPILER...
"""

import concurrent.futures
import glob
import os
import subprocess
import sys


def compile_alone(header, src, compiler):
    name = os.path.relpath(header, src)
    run = subprocess.run(
        [*compiler, '-std=gnu17', '-D_GNU_SOURCE', '-fsyntax-only', '-Wall', '-Wextra', '-Werror',
         '-Wno-unused-parameter', '-Wno-unused-function', '-I', src, '-x', 'c', '-'],
        input=f'#include "{name}"\n#include "{name}"\n', capture_output=True, text=True)
    return '' if run.returncode == 0 else f'{name} does not compile alone:\n{run.stderr}'


def main():
    src, compiler = os.path.join(sys.argv[1], 'src'), sys.argv[2:]
    headers = sorted(glob.glob(os.path.join(src, '*', '*.h')))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [e for e in pool.map(lambda h: compile_alone(h, src, compiler), headers) if e]
    print('\n'.join(failed) or f'{len(headers)} headers compile alone')
    return 1 if failed or not headers else 0


if __name__ == '__main__':
    sys.exit(main())
