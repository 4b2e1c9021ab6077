// Whether a method takes a callback as its last parameter. It must be known when such a method is called in promise
// style: a callback is then supplied. Any other method gets exactly the arguments of the caller, so that optional
// parameters are not mistaken.

const CALLBACK_NAME = /^(cb|callback|done)$/i;

const known = new WeakMap<object, number | undefined>();

/** The index of a last parameter called cb, callback or done; undefined for every other method. */
export function callbackIndex(method: (...args: never[]) => unknown): number | undefined {
  if (!known.has(method)) known.set(method, findCallback(Function.prototype.toString.call(method)));
  return known.get(method);
}

function findCallback(source: string): number | undefined {
  // Comments go, and what stands in quotes, where commas and slashes mean nothing.
  const code = source.replace(/("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)|\/\*[^]*?\*\/|\/\/.*$/gm, (_, quoted) =>
    quoted === undefined ? '' : '""',
  );
  const parameters = parameterList(code);
  const last = parameters.at(-1)?.replace(/\s*=[^]*$/, '');
  return last !== undefined && CALLBACK_NAME.test(last) ? parameters.length - 1 : undefined;
}

/** The parameters between the first parenthesis and its partner, split at the commas of the outermost level. */
function parameterList(code: string): string[] {
  const parameters: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of code.slice(code.indexOf('('))) {
    if ('([{'.includes(character) && depth++ === 0) continue;
    if (')]}'.includes(character) && --depth === 0) break;
    if (character === ',' && depth === 1) {
      parameters.push(current.trim());
      current = '';
    } else {
      current += character;
    }
  }
  if (current.trim() !== '') parameters.push(current.trim());
  return parameters;
}
