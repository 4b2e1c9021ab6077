// The shapes of plain objects in structured values: objects with the same keys in the same order share a single list of names. A
// shape is faster to find than to make, and shapes are kept from value to value; the numbers belong to a single value.

import { MAX_SHAPE_KEYS, MAX_SHAPES } from './structured-format';

export interface Shape {
  readonly keys: readonly string[];
  /** Shapes with an additional key, by that key. */
  readonly next: Map<string, Shape>;
  /** The value that `number` is valid in. */
  value: number;
  number: number;
}

const KEPT_SHAPES = 4 * 1024;

export class ShapeTable {
  #root = newShape([]);
  #size = 0;
  /** The last shape for each number of keys, which is mostly the next shape too. */
  #recent: (Shape | undefined)[] = [];
  /** Counts the values. */
  #value = 1;
  #numbered = 0;

  /** Undefined: such an object is not worth a shape. */
  find(keys: readonly string[]): Shape | undefined {
    if (keys.length > MAX_SHAPE_KEYS) return undefined;
    const recent = this.#recent[keys.length];
    if (recent && isSame(recent.keys, keys)) return recent;
    let shape = this.#root;
    for (let i = 0; i < keys.length; i++) {
      let next = shape.next.get(keys[i]!);
      if (!next) {
        if (this.#numbered >= MAX_SHAPES) return undefined;
        next = newShape(keys.slice(0, i + 1));
        shape.next.set(keys[i]!, next);
        this.#size++;
      }
      shape = next;
    }
    this.#recent[keys.length] = shape;
    return shape;
  }

  /** Whether the shape has a number in this value. */
  isKnown(shape: Shape): boolean {
    return shape.value === this.#value;
  }

  /** Gives the shape the next number. @returns false when there are no more numbers */
  number(shape: Shape): boolean {
    if (this.#numbered >= MAX_SHAPES) return false;
    shape.value = this.#value;
    shape.number = this.#numbered++;
    return true;
  }

  /** The next value begins. */
  reset(): void {
    this.#value++;
    this.#numbered = 0;
    if (this.#size <= KEPT_SHAPES) return;
    this.#root = newShape([]);
    this.#recent = [];
    this.#size = 0;
  }
}

function newShape(keys: readonly string[]): Shape {
  return { keys, next: new Map(), value: 0, number: 0 };
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
