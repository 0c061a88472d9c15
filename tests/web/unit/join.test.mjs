/* tools/join_modules.py: the joined file does what its modules do, or there is none. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const TOOLS = fileURLToPath(new URL('../../../tools/', import.meta.url));
const JOIN = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(TOOLS)})
import join_modules
try:
    print(join_modules.join('entry.js', json.load(sys.stdin)))
except ValueError as error:
    sys.exit(str(error))
`;

const join = (sources) =>
    execFileSync('python3', ['-c', JOIN], {
        input: JSON.stringify(sources),
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'pipe'],
    });

/* What the joined file leaves in globalThis.seen. */
async function run(sources) {
    const url = `data:text/javascript,${encodeURIComponent(join(sources))}`;
    globalThis.seen = [];
    await import(url);
    return globalThis.seen;
}

test('each module runs once, after those that it imports, in a scope of its own', async () => {
    const seen = await run({
        'entry.js': `import { B, twice } from './b.js';
import {
    later,
    own,
} from './c.js';
const hidden = 'entry';
seen.push(hidden, new B().name, twice(2), own(), await later);
`.replace('await later', 'typeof later'),
        'b.js': `import { own } from './c.js';
const hidden = 'b';
seen.push(hidden);
export class B { name = own(); }
export const twice = (n) => 2 * n;
export async function unused() {}
`,
        'c.js': `const hidden = 'c';
seen.push(hidden);
export function own() { return hidden; }
export const later = () => import('./elsewhere.js');
`,
        'stray.js': "seen.push('stray');\n",
    });
    assert.deepEqual(seen, ['c', 'b', 'entry', 'c', 4, 'c', 'function']);
});

test('what it does not understand is an error that names the module', () => {
    const rows = [
        [{ 'entry.js': "import './b.js';\n", 'b.js': '' }, /^entry\.js: .*not understood/],
        [{ 'entry.js': "import * as b from './b.js';\n", 'b.js': '' }, /^entry\.js/],
        [
            {
                'entry.js': "import { a as b } from './b.js';\n",
                'b.js': 'export const a = 1;\n',
            },
            /^entry\.js: .*not understood/,
        ],
        [{ 'entry.js': 'export default 1;\n' }, /^entry\.js/],
        [{ 'entry.js': 'export let a = 1;\n' }, /^entry\.js/],
        [{ 'entry.js': 'await 1;\n' }, /^entry\.js/],
        [{ 'entry.js': "import { a } from './none.js';\n" }, /entry\.js imports none\.js/],
        [
            {
                'entry.js': "import { a } from './b.js';\nexport const c = 1;\n",
                'b.js': "import { c } from './entry.js';\nexport const a = 1;\n",
            },
            /entry\.js -> b\.js -> entry\.js: .*circle/,
        ],
        [
            {
                'entry.js': "import { a } from './b.js';\nimport('./b.js');\n",
                'b.js': 'export const a = 1;\n',
            },
            /^entry\.js imports b\.js later/,
        ],
    ];
    for (const [sources, expected] of rows) {
        assert.throws(
            () => join(sources),
            ({ stderr }) => expected.test(stderr.trim()),
            JSON.stringify(sources),
        );
    }
});

test('comments on lines of their own are left out, and nothing else', async () => {
    const sources = {
        'entry.js': `/* What this is,
 * in two lines. */
// and more
const url = 'http://here/'; // kept, it is behind something
    /* indented */
seen.push(url, /\\/\\*/.test('/*'), '// no comment');
`,
    };
    assert.deepEqual(await run(sources), ['http://here/', true, '// no comment']);
    assert.ok(!/two lines|and more|indented/.test(join(sources)));
    assert.throws(() => join({ 'entry.js': 'const text = `\n// not a comment\n`;\n' }), /several lines/);
});
