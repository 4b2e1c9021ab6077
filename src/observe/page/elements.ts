// Elements of the page, made and kept up to date without any markup in texts: what processes say is only ever text.

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** `true` sets an attribute without a value; `false` and undefined remove the attribute. */
export function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value === true ? '' : value))
      element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** Touches the page only if the text is another one: a selection in an unchanged text stays. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function button(label: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = el('button', { type: 'button', ...attributes }, label);
  element.addEventListener('click', onClick);
  return element;
}

export interface Part<T> {
  readonly element: Element;
  update(item: T): void;
}

/**
 * The children of an element, one for each item: a child stays as long as its item does, with focus and selection. Items of one
 * key are told apart by their order.
 */
export class Children<T> {
  readonly #parent: Element;
  readonly #keyOf: (item: T) => string;
  readonly #make: (item: T) => Part<T>;
  #parts = new Map<string, Part<T>>();

  constructor(parent: Element, keyOf: (item: T) => string, make: (item: T) => Part<T>) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#make = make;
  }

  show(items: readonly T[]): void {
    const before = this.#parts;
    this.#parts = new Map();
    let place = this.#parent.firstElementChild;
    for (const item of items) {
      const name = this.#keyOf(item);
      let key = name;
      for (let nth = 2; this.#parts.has(key); nth++) key = `${name} #${nth}`;
      const part = before.get(key) ?? this.#make(item);
      before.delete(key);
      this.#parts.set(key, part);
      part.update(item);
      if (part.element === place) place = place.nextElementSibling;
      else this.#parent.insertBefore(part.element, place);
    }
    for (const { element } of before.values()) element.remove();
  }
}

/** A box with a heading. */
export function card(title: string, id: string, ...children: readonly Child[]): { box: HTMLElement; head: HTMLElement } {
  const head = el('div', { class: 'card-head' }, el('h2', { id: `${id}-title` }, title));
  const box = el('section', { class: 'card', id, 'aria-labelledby': `${id}-title` }, head, ...children);
  return { box, head };
}
