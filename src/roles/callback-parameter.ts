// Whether a method takes a callback as the last parameter. Must be known when such a method is called in promise style: a
// callback is then supplied. Any other method gets exactly the arguments of the caller, and optional parameters are not mistaken
// for callbacks.

import { isAsyncFunction, isGeneratorFunction } from '../generator-function';
import { codeOf } from '../source-text';

type Method = (...args: never[]) => unknown;

interface CallbackParameter {
  /** The index of the callback parameter, which is the last parameter. */
  readonly index: number;
  /**
   * `named`: the parameter is called cb, callback or done. `called`: the name is lost, and the method calls the parameter.
   * `unclear`: the name is lost, the method gives nothing back and hands the parameter on, which may be a callback or an
   * ordinary value.
   */
  readonly kind: 'named' | 'called' | 'unclear';
}

const CALLBACK_NAME = /^(cb|callback|done)$/i;
/** Minifiers give names of at most two letters. */
const LOST_NAME = /^[\w$]{1,2}$/;
/** A parameter that is a plain name, with or without a default value. */
const PLAIN_PARAMETER = /^([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*(=|$)/u;
const ARROW_WITHOUT_BRACKETS = /^(?:async\s+)?([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*=>/u;

const known = new WeakMap<Method, CallbackParameter | undefined>();

/** The index of a last parameter that is a callback; undefined for every other method. */
export function callbackIndex(method: Method): number | undefined {
  const parameter = callbackParameter(method);
  return parameter?.kind === 'unclear' ? undefined : parameter?.index;
}

/** Whether the caller has left out a last parameter that may or may not be a callback. */
export function isCallbackUnclear(method: Method, givenArguments: number): boolean {
  const parameter = callbackParameter(method);
  return parameter?.kind === 'unclear' && parameter.index >= givenArguments;
}

function callbackParameter(method: Method): CallbackParameter | undefined {
  if (!known.has(method)) known.set(method, findCallback(method));
  return known.get(method);
}

function findCallback(method: Method): CallbackParameter | undefined {
  if (isAsyncFunction(method) || isGeneratorFunction(method)) return undefined;
  const code = codeOf(method);
  if (/^class\b/.test(code)) return undefined;
  const { parameters, body } = split(code);
  const names = parameters.map((parameter) => PLAIN_PARAMETER.exec(parameter));
  const [, name, hasDefault] = names.at(-1) ?? [];
  const index = parameters.length - 1;
  if (name === undefined) return undefined;
  if (CALLBACK_NAME.test(name)) return { index, kind: 'named' };
  if (hasDefault !== '' || !names.every((each) => each && LOST_NAME.test(each[1]!))) return undefined;
  if (isCalled(name, body)) return { index, kind: 'called' };
  return isHandedOn(name, body) && !givesValue(body) ? { index, kind: 'unclear' } : undefined;
}

function isCalled(name: string, body: string): boolean {
  const own = name.replaceAll('$', '\\$');
  const called = new RegExp(`(?<![\\w$.])${own}\\s*(?:\\?\\.\\s*)?(?:\\(|\\.(?:call|apply)\\()`);
  const scheduled = new RegExp(`\\b(?:setImmediate|setTimeout|nextTick|queueMicrotask)\\(\\s*${own}(?![\\w$])`);
  return called.test(body) || scheduled.test(body);
}

function isHandedOn(name: string, body: string): boolean {
  return new RegExp(`[(,]\\s*${name.replaceAll('$', '\\$')}\\s*[,)]`).test(body);
}

/** Whether the body of a function can return a value. */
function givesValue(body: string): boolean {
  return !body.trimStart().startsWith('{') || /\breturn\b(?!\s*[;}])/.test(body);
}

/** @param code of a function, method or arrow function */
function split(code: string): { parameters: string[]; body: string } {
  const [arrow, only] = ARROW_WITHOUT_BRACKETS.exec(code) ?? [];
  if (arrow !== undefined) return { parameters: [only!], body: code.slice(arrow.length) };
  const parameters: string[] = [];
  let depth = 0;
  let current = '';
  const begin = listBegin(code);
  let at = begin + 1;
  for (; at < code.length; at++) {
    const character = code[at]!;
    if ('([{'.includes(character)) depth++;
    if (')]}'.includes(character) && depth-- === 0) break;
    if (character === ',' && depth === 0) {
      parameters.push(current.trim());
      current = '';
    } else {
      current += character;
    }
  }
  if (current.trim() !== '') parameters.push(current.trim());
  return { parameters, body: code.slice(at + 1).replace(/^\s*=>/, '') };
}

/**
 * The position of the opening parenthesis of the parameters. A computed name stands in brackets before the parenthesis, and may
 * contain other parentheses.
 */
function listBegin(code: string): number {
  let depth = 0;
  for (let at = 0; at < code.length; at++) {
    if (code[at] === '[') depth++;
    else if (code[at] === ']') depth--;
    else if (code[at] === '(' && depth === 0) return at;
  }
  return code.length;
}
