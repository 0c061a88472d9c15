/* Sets the class is-idle on an element while the pointer and the keys rest. */
const IDLE_MS = 2500;

export function watchIdle(element) {
    let timer = null;
    const stir = () => {
        element.classList.remove('is-idle');
        clearTimeout(timer);
        timer = setTimeout(() => element.classList.add('is-idle'), IDLE_MS);
    };
    for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) {
        document.addEventListener(type, stir, { passive: true });
    }
    document.addEventListener('pointerleave', () => element.classList.add('is-idle'));
    stir();
}
