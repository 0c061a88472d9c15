#!/usr/bin/env python3
"""Run the tests of a build folder suite by suite and keep the score for ./dev test.

usage: tests.py run LABEL DIR RESULTS [--all] [--suites SUITE...] [--names NAME...]
       tests.py total RESULTS

A test's own suite is the first it names. `run` prints a line per suite and the output of what
failed, and appends its counts to RESULTS; a test program counts as the cases that cmocka or node
report of it, else as one. `total` prints the sum and fails when there was a failure, or nothing.
"""

import argparse
import fnmatch
import json
import os
import re
import subprocess
import sys
import time

ORDER = ['unit', 'wire', 'sim', 'web', 'threads', 'fault', 'e2e', 'browser', 'vm', 'build', 'long']
SLOWER = {'release': 1, 'asan': 4, 'tsan': 8}  # what a sanitizer makes of a time limit
SHOWN_LINES = 60


class Test:
    def __init__(self, entry):
        self.name = entry['name']
        self.suites = [s.split(':')[-1] for s in entry['suite']] or ['other']
        self.suite = self.suites[0]

    def is_named(self, pattern):
        return any(fnmatch.fnmatchcase(s, pattern) for s in [self.name, *self.suites])


def load_tests(folder):
    text = subprocess.run(['meson', 'introspect', '--tests', folder], check=True,
                          capture_output=True, text=True).stdout
    return [Test(e) for e in json.loads(text)]


def chosen(tests, args):
    """The tests to run, or exit: a name that fits nothing is a mistake of the caller's."""
    if args.names:
        for name in args.names:
            if not any(t.is_named(name) for t in tests):
                known = sorted({s for t in tests for s in t.suites})
                print(f'dev: no test or suite is called {name}; the suites are: {" ".join(known)}',
                      file=sys.stderr)
                sys.exit(2)
        return [t for t in tests if any(t.is_named(n) for n in args.names)]
    if args.suites:
        tests = [t for t in tests if set(t.suites) & set(args.suites)]
    if args.label != 'release':
        tests = [t for t in tests if 'tree' not in t.suites]  # they read the tree, not the build
    return [t for t in tests if args.all or 'long' not in t.suites]


def cases(entry):
    """(passed, failed, skipped) of one line of Meson's JSON log."""
    text = entry.get('stdout', '') + '\n' + entry.get('stderr', '')

    def reported(pattern):
        return sum(int(n) for n in re.findall(pattern, text, re.M))
    passed = reported(r'^\[  PASSED  \] (\d+) test') + reported(r'^[#ℹ] pass (\d+)$')
    failed = reported(r'^\[  FAILED  \] (\d+) test') + reported(r'^[#ℹ] fail (\d+)$')
    skipped = reported(r'^\[  SKIPPED \] (\d+) test') + reported(r'^[#ℹ] skipped (\d+)$')
    if entry['result'] == 'SKIP':
        return 0, 0, 1
    if entry['result'] in ('OK', 'EXPECTEDFAIL'):
        return (passed, 0, skipped) if passed + skipped else (1, 0, 0)
    return passed, max(failed, 1), skipped


def failed_subtests(lines):
    """Of node's report only what failed: from each `not ok` to its closing dots."""
    inside = False
    for line in lines:
        word = line.strip()
        inside = word.startswith('not ok') or inside and word != '...'
        if inside and not re.match(r'---|(type|duration_ms|failureType|code|name|stack|operator):|.*\(?node:', word):
            yield line


def show_failure(entry):
    lines = (entry.get('stdout', '') + entry.get('stderr', '')).strip().splitlines()
    if any(line.startswith('TAP version') for line in lines):
        lines = list(failed_subtests(lines)) or lines
    print(f'--- {entry["name"]}: {entry["result"]} after {entry["duration"]:.1f} s', file=sys.stderr)
    if len(lines) > SHOWN_LINES:
        print(f'    ({len(lines) - SHOWN_LINES} lines before)', file=sys.stderr)
    for line in lines[-SHOWN_LINES:]:
        print('    ' + line, file=sys.stderr)


def environment(label):
    env = dict(os.environ, AVOCET_BUILD=label)
    lab = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'tests', 'lab')
    env['TSAN_OPTIONS'] = f'halt_on_error=1:second_deadlock_stack=1:suppressions={lab}/tsan.supp'
    return env


def run_suite(suite, tests, args):
    """Run the tests of one suite; returns (passed, failed, skipped) of its cases."""
    base = f'dev-{args.label}-{suite}'
    command = ['meson', 'test', '-C', args.folder, '--no-rebuild', '--quiet', '--logbase', base,
               '--timeout-multiplier', str(SLOWER[args.label]),
               '--num-processes', str(os.cpu_count())]
    command += sorted({t.name for t in tests})
    if args.label == 'tsan':
        command = ['setarch', os.uname().machine, '-R', *command]  # TSan wants its own address space
    start = time.monotonic()
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         env=environment(args.label))
    count = [0, 0, 0]
    try:
        with open(os.path.join(args.folder, 'meson-logs', base + '.json'), encoding='utf-8') as log:
            entries = [json.loads(line) for line in log]
    except FileNotFoundError:
        sys.exit(f'dev: meson test did not run:\n{run.stdout}{run.stderr}')
    for entry in entries:
        found = cases(entry)
        count = [a + b for a, b in zip(count, found)]
        if found[1]:
            show_failure(entry)
        elif entry['result'] == 'SKIP':
            said = (entry.get('stdout', '') + entry.get('stderr', '')).strip().splitlines()
            print(f'    {entry["name"]} skipped: {said[-1] if said else "no reason given"}',
                  file=sys.stderr)
    print(f'{args.label:8} {suite:8} {count[0]:5} passed {count[1]:3} failed {count[2]:3} skipped'
          f'  {time.monotonic() - start:6.1f} s', flush=True)
    return count


def run(args):
    tests = chosen(load_tests(args.folder), args)
    suites = sorted({t.suite for t in tests},
                    key=lambda s: (ORDER.index(s) if s in ORDER else len(ORDER), s))
    failed = 0
    for suite in suites:
        count = run_suite(suite, [t for t in tests if t.suite == suite], args)
        failed += count[1]
        with open(args.results, 'a', encoding='utf-8') as results:
            results.write(json.dumps({'label': args.label, 'suite': suite, 'count': count}) + '\n')
    return 1 if failed else 0


def total(args):
    count = [0, 0, 0]
    if os.path.exists(args.results):
        with open(args.results, encoding='utf-8') as results:
            for line in results:
                count = [a + b for a, b in zip(count, json.loads(line)['count'])]
    print(f'{count[0]} passed, {count[1]} failed, {count[2]} skipped')
    return 1 if count[1] or not sum(count) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    one = commands.add_parser('run')
    one.add_argument('label', choices=SLOWER)
    one.add_argument('folder')
    one.add_argument('results')
    one.add_argument('--all', action='store_true')
    one.add_argument('--suites', nargs='*', default=[])
    one.add_argument('--names', nargs='*', default=[])
    commands.add_parser('total').add_argument('results')
    args = parser.parse_args()
    return run(args) if args.command == 'run' else total(args)


if __name__ == '__main__':
    sys.exit(main())
