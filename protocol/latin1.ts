// Finds characters that do not fit into a byte: texts without such characters are written with a byte for each character, all
// others with two.

const WIDE = /[^\x00-\xff]/; // eslint-disable-line no-control-regex -- the range that one byte holds

export function isWide(text: string): boolean {
  return WIDE.test(text);
}
