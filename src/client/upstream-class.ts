// What can be known of an upstream class without an instance: the methods of the prototypes, and fields whose initial function
// stands in the source. Only the process that leads ever makes an instance.

import { Base } from 'sdk-base';
import { codeOf } from '../source-text';

/** A class whose instances talk to the upstream server. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor at all; `unknown[]` would refuse most
export type UpstreamClass = new (...args: any[]) => object;

const NAME = '[\\p{ID_Start}$_][\\p{ID_Continue}$]*';
const CLASS_FIELD = new RegExp(`(?:^|[{;}\\n])\\s*(${NAME})\\s*=(?![=>])`, 'gu');
const ASSIGNED = new RegExp(`\\bthis\\s*\\.\\s*(${NAME})\\s*=(?![=>])`, 'gu');
/** What compilers make of a field: `__publicField(this, "get", …)`, `Object.defineProperty(this, "get", { value: … })`. */
const DEFINED = /\(\s*this\s*,\s*"( *)"\s*,\s*(?:\{[^{}]*\bvalue:\s*)?/gu;
const FUNCTION_WITHOUT_BRACKETS = new RegExp(`^\\s*(?:async\\b\\s*)?(?:function\\b|${NAME}\\s*=>)`, 'u');
const FUNCTION_WITH_BRACKETS = /^\s*(?:async\b\s*)?\(/;

/** The name of the class; empty when the class has no name, or a static member hides the name. */
export function nameOf(upstreamClass: UpstreamClass): string {
  const { name } = upstreamClass as { name: unknown };
  return typeof name === 'string' ? name : '';
}

/** A method, or a getter, which may give a function on the instance, or a field that holds a function. */
export function isMethod(upstreamClass: UpstreamClass, name: string): boolean {
  const member = memberOf(upstreamClass, name);
  if (member) return typeof member.value === 'function' || member.get !== undefined;
  return functionFields(upstreamClass).has(name);
}

export function memberOf(upstreamClass: UpstreamClass, name: string): PropertyDescriptor | undefined {
  for (const prototype of prototypesOf(upstreamClass)) {
    const member = Reflect.getOwnPropertyDescriptor(prototype, name);
    if (member) return member;
  }
  return undefined;
}

/** Methods by name, without the methods of sdk-base, which the shared client has anyway. */
export function methodsOf(upstreamClass: UpstreamClass): ReadonlyMap<string, (...args: never[]) => unknown> {
  const members = new Map<string, unknown>();
  for (const prototype of prototypesOf(upstreamClass)) {
    if (prototype === Base.prototype) break;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      // A method that a subclass overrides does not count.
      if (!members.has(name)) members.set(name, Reflect.getOwnPropertyDescriptor(prototype, name)?.value);
    }
  }
  return new Map([...members].filter((member): member is [string, () => unknown] => typeof member[1] === 'function'));
}

const knownFields = new WeakMap<UpstreamClass, ReadonlySet<string>>();

/** Names of fields that are initialised with a function in the source of the class or of an ancestor. */
export function functionFields(upstreamClass: UpstreamClass): ReadonlySet<string> {
  let fields = knownFields.get(upstreamClass);
  if (!fields) {
    fields = new Set(constructorsOf(upstreamClass).flatMap(fieldsIn));
    knownFields.set(upstreamClass, fields);
  }
  return fields;
}

function fieldsIn(upstreamClass: UpstreamClass): string[] {
  const source = Function.prototype.toString.call(upstreamClass);
  const code = codeOf(upstreamClass as never);
  const outermost = surfaceOf(code);
  const declared = [...outermost.matchAll(CLASS_FIELD)].map((found) => ({ name: found[1]!, at: found.index + found[0].length }));
  const assigned = [...code.matchAll(ASSIGNED)].map((found) => ({ name: found[1]!, at: found.index + found[0].length }));
  const defined = [...code.matchAll(DEFINED)].map((found) => {
    const nameAt = found.index + found[0].indexOf('"') + 1;
    return { name: source.slice(nameAt, nameAt + found[1]!.length), at: found.index + found[0].length };
  });
  return [...declared, ...assigned, ...defined].filter(({ at }) => beginsFunction(code, at)).map(({ name }) => name);
}

function beginsFunction(code: string, at: number): boolean {
  const rest = code.slice(at);
  if (FUNCTION_WITHOUT_BRACKETS.test(rest)) return true;
  const [head] = FUNCTION_WITH_BRACKETS.exec(rest) ?? [];
  return head !== undefined && /^\s*=>/.test(rest.slice(pairEnd(rest, head.length - 1)));
}

/** @returns the position behind the closing bracket for the bracket at `from` */
function pairEnd(code: string, from: number): number {
  let depth = 0;
  for (let at = from; at < code.length; at++) {
    if ('([{'.includes(code[at]!)) depth++;
    else if (')]}'.includes(code[at]!) && --depth === 0) return at + 1;
  }
  return code.length;
}

/** The body of a class, in which everything between brackets is replaced by spaces; positions stay as in the code. */
function surfaceOf(code: string): string {
  if (!/^class\b/.test(code)) return '';
  let depth = 0;
  let surface = '';
  // The body ends with the code. Read backwards, or a brace in `extends` would be taken for the beginning of the body.
  for (let at = code.length - 1; at >= 0; at--) {
    const character = code[at]!;
    if (')]}'.includes(character)) depth++;
    surface += depth === 1 || (depth === 2 && character === '}') ? character : character === '\n' && depth === 1 ? '\n' : ' ';
    if ('([{'.includes(character) && --depth === 0) break;
  }
  return surface.split('').reverse().join('').padStart(code.length);
}

function* prototypesOf(upstreamClass: UpstreamClass): Iterable<object> {
  let prototype: unknown = upstreamClass.prototype;
  while (prototype && prototype !== Object.prototype) {
    yield prototype;
    prototype = Object.getPrototypeOf(prototype);
  }
}

function constructorsOf(upstreamClass: UpstreamClass): UpstreamClass[] {
  const constructors: UpstreamClass[] = [];
  let constructor: unknown = upstreamClass;
  while (typeof constructor === 'function' && constructor !== Base && constructor !== Function.prototype) {
    constructors.push(constructor as UpstreamClass);
    constructor = Object.getPrototypeOf(constructor);
  }
  return constructors;
}
