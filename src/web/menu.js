/*
 * A button that opens a list of choices, one of which is checked: with the pointer, the arrow keys
 * and a screen reader, as in the ARIA menu button pattern.
 */
import { icon, make } from './dom.js';

/*
 * items() -> [{id, label, detail, isChecked, isDisabled}], asked each time it opens; onPick(id).
 * Returns {open, close}.
 */
export function attachMenu(button, { label, items, onPick }) {
    const list = make('div', { className: 'menu', hidden: true });
    list.setAttribute('role', 'menu');
    list.setAttribute('aria-label', label);
    button.setAttribute('aria-haspopup', 'menu');
    button.setAttribute('aria-expanded', 'false');
    button.after(list);

    const rows = () => [...list.children];
    const close = (andFocus) => {
        if (!list.hidden) {
            list.hidden = true;
            button.setAttribute('aria-expanded', 'false');
            if (andFocus) {
                button.focus();
            }
        }
    };
    const open = () => {
        list.replaceChildren(...items().map((item) => makeRow(item)));
        list.hidden = false;
        button.setAttribute('aria-expanded', 'true');
        (rows().find((row) => row.getAttribute('aria-checked') === 'true') ?? rows()[0])?.focus();
    };
    const makeRow = ({ id, label: text, detail, isChecked, isDisabled }) => {
        const row = make(
            'button',
            { className: 'menu-row', type: 'button', tabIndex: -1 },
            icon('check'),
            make(
                'span',
                { className: 'menu-text' },
                make('span', {}, text),
                detail ? make('small', {}, detail) : null,
            ),
        );
        row.setAttribute('role', 'menuitemradio');
        row.setAttribute('aria-checked', String(Boolean(isChecked)));
        if (isDisabled) {
            row.setAttribute('aria-disabled', 'true');
        }
        row.addEventListener('click', () => {
            if (!isDisabled) {
                close(true);
                onPick(id);
            }
        });
        return row;
    };
    const move = (step) => {
        const all = rows();
        const at = all.indexOf(document.activeElement);
        all[(at + step + all.length) % all.length]?.focus();
    };
    const keys = {
        ArrowDown: () => move(1),
        ArrowUp: () => move(-1),
        Home: () => rows()[0]?.focus(),
        End: () => rows().at(-1)?.focus(),
        Escape: () => close(true),
        Tab: () => close(false),
    };
    list.addEventListener('keydown', (event) => {
        if (keys[event.key]) {
            keys[event.key]();
            event.stopPropagation();
            if (event.key !== 'Tab') {
                event.preventDefault();
            }
        }
    });
    button.addEventListener('click', () => (list.hidden ? open() : close(false)));
    document.addEventListener('pointerdown', ({ target }) => {
        if (!list.contains(target) && !button.contains(target)) {
            close(false);
        }
    });
    return { open, close };
}
