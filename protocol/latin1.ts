// Which texts one byte for each character can hold: they are written so, all others with two.

const WIDE = /[^\x00-\xff]/; // eslint-disable-line no-control-regex -- the range that one byte holds

export function isWide(text: string): boolean {
  return WIDE.test(text);
}
