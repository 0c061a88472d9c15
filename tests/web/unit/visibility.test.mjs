import { mock, test } from 'node:test';
import assert from 'node:assert/strict';
import { watchVisibility } from '../../../src/web/visibility.js';

/* A document and a window with as much as the module uses, and timers that run when told. */
function make(options = {}) {
    const listeners = new Map();
    const timers = new Map();
    let id = 0;
    const add = (type, listener) => listeners.set(type, listener);
    globalThis.document = { hidden: false, addEventListener: add };
    globalThis.addEventListener = add;
    mock.method(globalThis, 'setTimeout', (run) => {
        timers.set(++id, run);
        return id;
    });
    mock.method(globalThis, 'clearTimeout', (which) => timers.delete(which));
    const seen = [];
    watchVisibility({
        onRest: () => seen.push('rest'),
        onWake: () => seen.push('wake'),
        ...options,
    });
    return {
        seen,
        hide(isHidden) {
            document.hidden = isHidden;
            listeners.get('visibilitychange')();
        },
        wait() {
            timers.forEach((run) => run());
            timers.clear();
        },
        fire: (type, event) => listeners.get(type)(event),
    };
}

test.afterEach(() => mock.restoreAll());

test('hidden for long: rests once, and wakes at once', () => {
    const page = make();
    page.hide(true);
    assert.deepEqual(page.seen, []);
    page.wait();
    assert.deepEqual(page.seen, ['rest']);
    page.hide(false);
    assert.deepEqual(page.seen, ['rest', 'wake']);
});

test('hidden only briefly: nothing happens', () => {
    const page = make();
    page.hide(true);
    page.hide(false);
    page.wait();
    assert.deepEqual(page.seen, []);
});

test('in picture in picture it does not rest', () => {
    const page = make({ mayRest: () => false });
    page.hide(true);
    page.wait();
    assert.deepEqual(page.seen, []);
});

test('put aside by the browser, and fetched back', () => {
    const page = make();
    page.fire('pagehide');
    page.fire('pageshow', { persisted: true });
    assert.deepEqual(page.seen, ['rest', 'wake']);
});
