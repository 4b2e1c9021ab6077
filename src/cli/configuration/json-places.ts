// Where the keys of a JSON text are, and where the text is no JSON: `JSON.parse` says the second in some cases only, and the
// first never. Pure.

const TOKEN =
  /\s*(?:("(?:[^"\\\n\r\t]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|([{}[\],:]))/y;

/** Offsets of keys, by the path of names from the root on. */
export type KeyOffsets = ReadonlyMap<string, number>;

export class JsonError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}

/** @throws JsonError at the first thing that is no JSON */
export function keyOffsets(text: string): KeyOffsets {
  const found = new Map<string, number>();
  let offset = text.startsWith('\ufeff') ? 1 : 0;
  let token = '';
  let start = 0;
  next();
  value([]);
  if (token !== '') fail('the end');
  return found;

  /** Reads a token; the empty text is the end. */
  function next(): void {
    TOKEN.lastIndex = offset;
    const match = TOKEN.exec(text);
    if (match) {
      token = match[1] ?? match[2] ?? match[3]!;
      offset = TOKEN.lastIndex;
      start = offset - token.length;
      return;
    }
    start = offset + /^\s*/.exec(text.slice(offset))![0].length;
    if (start < text.length) fail();
    token = '';
  }

  function value(path: readonly string[]): void {
    if (token === '{') members(path);
    else if (token === '[') elements(path);
    else if (token === '' || /^[}\],:]/.test(token)) fail('a value');
    else next();
  }

  function members(path: readonly string[]): void {
    next();
    if (token !== '}')
      for (;;) {
        if (!token.startsWith('"')) fail('a key in double quotes');
        const inner = [...path, JSON.parse(token) as string];
        found.set(pathKey(inner), start);
        next();
        expect(':');
        value(inner);
        if (token !== ',') break;
        next();
      }
    if (token !== '}') fail("',' or '}'");
    next();
  }

  function elements(path: readonly string[]): void {
    next();
    if (token !== ']')
      for (let index = 0; ; index++) {
        value([...path, String(index)]);
        if (token !== ',') break;
        next();
      }
    if (token !== ']') fail("',' or ']'");
    next();
  }

  function expect(punctuation: string): void {
    if (token !== punctuation) fail(`'${punctuation}'`);
    next();
  }

  function fail(expected?: string): never {
    const [character] = text.slice(start);
    const there = character === undefined ? 'the file ends' : `there is ${JSON.stringify(character)}`;
    throw new JsonError(
      expected === undefined ? `${there}, which is no JSON` : `${expected} is expected here, but ${there}`,
      start,
    );
  }
}
