/* The dialog of addresses: the page, and the same stream for other programs. */
import { byId, icon, make } from './dom.js';
import { copyText } from './clipboard.js';

function addresses(base) {
    const at = (path) => new URL(path, base).href;
    return [
        ['This page', base.href],
        [
            'To embed',
            `<iframe src="${at('?embed')}" width="640" height="360" ` +
                'allow="fullscreen; picture-in-picture; autoplay"></iframe>',
        ],
        ['Snapshot, JPEG', at('snapshot.jpg')],
        ['MJPEG', at('stream.mjpg')],
        ['MP4 without end', at('stream.mp4')],
        ['MPEG-TS', at('stream.ts')],
        ['Raw H.264', at('stream.h264')],
        ['WebRTC, WHEP', at('whep')],
    ];
}

export function fillLinks(base, onCopied) {
    byId('links-list').replaceChildren(
        ...addresses(base).map(([label, text]) => {
            const button = make(
                'button',
                { type: 'button', className: 'button', title: 'Copy' },
                icon('copy'),
            );
            button.setAttribute('aria-label', `Copy: ${label}`);
            button.addEventListener('click', async () => onCopied(await copyText(text)));
            return make(
                'li',
                {},
                make('span', { className: 'links-label' }, label),
                make('code', {}, text),
                button,
            );
        }),
    );
}
