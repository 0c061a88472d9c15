/*
 * How long to wait before try number n (0, 1, 2 …): 0.5, 1, 2, 4, then 5 s, each give or take a
 * quarter, so that a hundred viewers of a restarted server do not come back in the same instant.
 */
export function backoffMs(n, random = Math.random) {
    return Math.min(5000, 500 * 2 ** Math.min(n, 8)) * (0.75 + random() / 2);
}
