#!/usr/bin/env python3
"""What no file of the tree may hold, and that the documents' links lead somewhere.

usage: files.py SOURCE_ROOT

Reads the files git tracks (all files when this is no checkout): no path of somebody's machine, no
package registry's host, nothing that speaks of another place than this tree, no merge marks.
"""

import os
import re
import subprocess
import sys

# Written in pieces, so that this file may hold them.
FORBIDDEN = [
    (re.compile(r'(?<![\w.~-])/' + r'(?:work|home/[a-z]|root/|Users/[a-z])'), "a path of somebody's machine"),
    (re.compile('|'.join(re.escape(a + '.' + b) for a, b in [
        ('registry', 'npmjs.org'), ('pypi', 'org'), ('deb.debian', 'org'), ('snapshot.debian', 'org'),
        ('repo.maven', 'apache'), ('index.crates', 'io'), ('deb.nodesource', 'com')])),
     "a package registry's host"),
    (re.compile(r'\.\./' + r'shared/'), 'a path outside the tree'),
    (re.compile(r'^(?:<{7} |>{7} |={7}$)', re.M), 'a merge mark'),
]
LINK = re.compile(r'\]\(<?([^)\s>]+)>?\)')
CODE = re.compile(r'```.*?```|`[^`\n]*`', re.S)
IN_GUESTS = {'tests/lab/v4l2-vm.sh', 'tests/lab/fresh-chroot.sh'}  # /root is the guest's own


def tracked(root):
    run = subprocess.run(['git', '-C', root, 'ls-files', '-z'], capture_output=True, text=True)
    if run.returncode == 0 and run.stdout:
        return [p for p in run.stdout.split('\0') if p and os.path.isfile(os.path.join(root, p))]
    found = []
    for where, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith(('build', 'node_modules', '.git'))]
        found += [os.path.relpath(os.path.join(where, f), root) for f in files]
    return found


def broken_links(root, path, text):
    for target in LINK.findall(CODE.sub('', text)):
        if re.match(r'[a-z]+:|#', target):
            continue
        file = os.path.join(root, os.path.dirname(path), target.split('#')[0])
        if not os.path.exists(file):
            yield f'{path}: link to {target}, which is not there'


def faults(root):
    for path in sorted(tracked(root)):
        with open(os.path.join(root, path), 'rb') as file:
            raw = file.read()
        if b'\0' in raw[:8192] or path.startswith('fuzz/corpus/'):
            continue
        text = raw.decode('utf-8', 'replace')
        for pattern, what in FORBIDDEN:
            found = pattern.search(text)
            if found and path not in IN_GUESTS:
                yield f'{path}:{text.count(chr(10), 0, found.start()) + 1}: {found[0]}: {what}'
        if path.endswith('.md'):
            yield from broken_links(root, path, text)


def main():
    found = list(faults(sys.argv[1]))
    print('\n'.join(found) or 'nothing forbidden, no broken link')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
