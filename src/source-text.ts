// The source of a function or class with everything blanked that is not code: what a name, a bracket or a comma in it means can
// then be seen without a parser. Positions are the same as in the source.

const COMMENT = /\/\/.*|\/\*[^]*?\*\//y;
const STRING = /"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'/y;
const PATTERN = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/y;
/** A slash after any of these begins a regular expression; elsewhere a slash divides. */
const BEFORE_PATTERN = /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|void|delete|throw|await|yield|do|else))\s*$/;

type Any = (...args: never[]) => unknown;

/** Functions that stand for another function, whose source counts for what is read in a source. */
const originals = new WeakMap<Any, Any>();

/** For the testing kit: the source of `standIn` is taken to be the source of `original`. @returns the stand-in */
export function standsFor<F extends Any>(standIn: F, original: Any): F {
  originals.set(standIn, original);
  return standIn;
}

/** The source of the function, in which comments are spaces, and strings, templates and regular expressions are quotes around spaces. */
export function codeOf(func: (...args: never[]) => unknown): string {
  const source = Function.prototype.toString.call(originals.get(func) ?? func);
  let code = '';
  while (code.length < source.length) {
    const at = code.length;
    const comment = match(COMMENT, source, at);
    if (comment > at) code += ' '.repeat(comment - at);
    else code += blanked(literalEnd(source, at, code) - at) ?? source[at];
  }
  return code;
}

/** @returns where the literal ends that begins here; the same position when none does */
function literalEnd(source: string, at: number, before: string): number {
  switch (source[at]) {
    case '"':
    case "'":
      return match(STRING, source, at);
    case '`':
      return templateEnd(source, at);
    case '/':
      return BEFORE_PATTERN.test(before.slice(-20)) ? match(PATTERN, source, at) : at;
    default:
      return at;
  }
}

function blanked(length: number): string | undefined {
  return length < 2 ? undefined : `"${' '.repeat(length - 2)}"`;
}

function templateEnd(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++;
    else if (source[at] === '`') return at + 1;
    else if (source.startsWith('${', at)) at = substitutionEnd(source, at + 2);
  }
  return source.length;
}

/** @returns the position of the brace that ends the substitution of a template */
function substitutionEnd(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    const end = Math.max(match(COMMENT, source, at), literalEnd(source, at, source.slice(Math.max(start, at - 20), at)));
    if (end > at) at = end - 1;
    else if (source[at] === '{') depth++;
    else if (source[at] === '}' && depth-- === 0) return at;
  }
  return source.length;
}

/** @returns where the match ends that begins here; the same position when none does */
function match(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(source) ? pattern.lastIndex : at;
}
