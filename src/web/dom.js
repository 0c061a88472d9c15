/* Small helpers to make elements. Icons are symbols of icons.svg, beside this module. */
const ICONS = new URL('./icons.svg', import.meta.url);
const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

/* make('p', {className: 'x'}, 'text', child …) */
export function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

export function icon(name) {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(document.createElementNS(SVG, 'use'));
    setIcon(svg, name);
    return svg;
}

export function setIcon(parent, name) {
    const use = parent.querySelector('use');
    const address = `${ICONS.pathname}#${name}`;
    if (use.getAttribute('href') !== address) {
        use.setAttribute('href', address);
    }
}

export function setText(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}
