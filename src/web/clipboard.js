/* Copies text; true if it worked. Plain HTTP has no clipboard API, so a hidden field helps out. */
export async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return copyBySelection(text);
    }
}

function copyBySelection(text) {
    const field = Object.assign(document.createElement('textarea'), {
        value: text,
        readOnly: true,
        className: 'off-screen',
    });
    (document.querySelector('dialog[open]') ?? document.body).append(field);
    field.select();
    const isCopied = document.execCommand('copy');
    field.remove();
    return isCopied;
}
