/*
 * How long to wait before try number n (0, 1, 2 …): 0.5, 1, 2, then 4 s, each and up to a quarter
 * more, so that a hundred viewers of a restarted server do not come back in the same instant.
 */
export function backoffMs(n, random = Math.random) {
    return Math.min(4000, 500 * 2 ** Math.min(n, 8)) * (1 + random() / 4);
}
