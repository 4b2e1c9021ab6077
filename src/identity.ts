// What a channel was made with, as a fingerprint: processes with the same fingerprint mean the same upstream client. When two
// fingerprints differ, the leader sends what is needed to name the differing places, from which no value can be read.

import { createHash, createHmac } from 'node:crypto';
import { types } from 'node:util';
import { jsonForm } from './json-form';
import { isRootPrototype } from './snapshot';

/** Deeper than this is left out. A fixed depth: where the stack ends is not the same in two processes. */
const MAX_DEPTH = 100;
/** What is beyond so many values is left out, so that arguments cannot keep a process busy: this is about 0.2 s. */
const MAX_VALUES = 100_000;

const MAX_PARTS = 200;
const MAX_PARTS_BYTES = 12 * 1024;
const MAX_NAME_LENGTH = 60;
const MAX_NAMED_PATHS = 10;
/** Enough bytes to tell values apart, and too few to confirm a guess from a large set. */
const DIGEST_BYTES = 6;

/**
 * A hash over the plain part of constructor arguments, the same in every process and version of Node.js. Functions, symbols,
 * proxies and instances of classes are left out, in arrays by a mark in place of the element.
 */
export function fingerprint(args: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify(jsonForm(plainPart(args))))
    .digest('hex')
    .slice(0, 32);
}

/** What `differingPaths` needs: the path of each leaf with a salted hash, as JSON. `cut`: there are leaves beyond the last. */
interface Parts {
  readonly parts: readonly Part[];
  readonly cut: boolean;
}

type Part = readonly [path: string, digest: string];

/** @param salt different for each connection, so that digests of two connections cannot be compared */
export function partsOf(args: readonly unknown[], salt: Buffer): Buffer {
  const leaves = leavesOf(args);
  const parts: Part[] = [];
  let sizeBytes = JSON.stringify({ parts, cut: false } satisfies Parts).length;
  for (const leaf of leaves.slice(0, MAX_PARTS)) {
    const part = partOf(leaf, salt);
    sizeBytes += Buffer.byteLength(JSON.stringify(part)) + 1;
    if (sizeBytes > MAX_PARTS_BYTES) break;
    parts.push(part);
  }
  return Buffer.from(JSON.stringify({ parts, cut: parts.length < leaves.length } satisfies Parts));
}

/**
 * The places where these arguments differ from the arguments that `parts` were made from: `[0].credentials.accessKey`.
 * @param parts what `partsOf` gave in another process, for the same salt; anything else gives no paths
 * @returns ten at most, and then how many more there are; empty also when only leaves that were cut off differ
 */
export function differingPaths(args: readonly unknown[], salt: Buffer, parts: Buffer): string[] {
  const theirs = parseParts(parts);
  if (!theirs) return [];
  // Nothing is known about a cut list from the last path on: several leaves can have that path.
  const end = theirs.cut ? (theirs.parts.at(-1)?.[0] ?? '') : undefined;
  const isKnown = ({ path }: { path: string }): boolean => end === undefined || path < end;

  const ours = leavesOf(args)
    .filter(isKnown)
    .map((leaf) => partOf(leaf, salt));
  const others = theirs.parts.filter(([path]) => isKnown({ path }));
  const paths = new Set([...without(ours, others), ...without(others, ours)].map(([path]) => path));
  // Theirs come from another process and go into a log.
  const named = [...paths].sort().map((path) => path.replace(/\p{C}/gu, '\ufffd'));
  const more = named.length - MAX_NAMED_PATHS;
  return more > 0 ? [...named.slice(0, MAX_NAMED_PATHS), `… and ${more} more`] : named;
}

function without(some: readonly Part[], others: readonly Part[]): Part[] {
  const known = new Set(others.map((part) => part.join(' ')));
  return some.filter((part) => !known.has(part.join(' ')));
}

function parseParts(bytes: Buffer): Parts | undefined {
  if (bytes.length > MAX_PARTS_BYTES) return undefined;
  try {
    const { parts, cut } = JSON.parse(bytes.toString()) as { parts: unknown; cut: unknown };
    if (!Array.isArray(parts) || typeof cut !== 'boolean') return undefined;
    return parts.every(isPart) ? { parts, cut } : undefined;
  } catch {
    return undefined;
  }
}

function isPart(value: unknown): value is Part {
  return Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === 'string');
}

interface Leaf {
  /** The path as shown to users; long names are cut. */
  readonly path: string;
  /** Names and indices, complete. */
  readonly steps: readonly (string | number)[];
  readonly value: unknown;
}

/** The digest covers the complete names, or two names with the same beginning could swap values unseen. */
function partOf({ path, steps, value }: Leaf, salt: Buffer): Part {
  const digest = createHmac('sha256', salt)
    .update(JSON.stringify([steps, value]))
    .digest();
  return [path, digest.subarray(0, DIGEST_BYTES).toString('base64url')];
}

/** Sorted by path, so that the beginnings of two lists can be compared. */
function leavesOf(args: readonly unknown[]): Leaf[] {
  const leaves: Leaf[] = [];
  collectLeaves({ path: '', steps: [], value: jsonForm(plainPart(args)) }, leaves);
  return leaves.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** A leaf is what has nothing inside: also an empty object, and the forms with `$` that stand for a Map, a RegExp … */
function collectLeaves({ path, steps, value }: Leaf, leaves: Leaf[]): void {
  const inside: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : typeof value === 'object' && value !== null
      ? Object.entries(value)
      : [];
  const isForm = inside.length === 1 && typeof inside[0]![0] === 'string' && inside[0]![0].startsWith('$');
  if (inside.length > 0 && !isForm) {
    for (const [step, each] of inside) collectLeaves({ path: path + shown(step), steps: [...steps, step], value: each }, leaves);
  } else if (steps.length > 0) leaves.push({ path, steps, value });
}

function shown(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`;
  const name = step.length > MAX_NAME_LENGTH ? `${step.slice(0, MAX_NAME_LENGTH)}…` : step;
  // ASCII only: what else may be in an identifier depends on the version of Node.js.
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** In the place of an element that is left out. Not null, which is a value. */
const LEFT_OUT = { $leftOut: true };

interface Walk {
  /** The objects that enclose the value, each with the copy. */
  readonly ancestors: Map<object, object>;
  values: number;
}

/** A copy without anything that could differ between two processes, run code or throw. Cycles stay cycles. */
function plainPart(args: readonly unknown[]): unknown {
  const parts = partAt(() => args, { ancestors: new Map(), values: 0 });
  if (!Array.isArray(parts)) return parts;
  // Arguments at the end that say nothing, `create({})`, are as good as none, `create()`.
  const end = parts.findLastIndex((part) => part !== LEFT_OUT && !isEmptyObject(part));
  return parts.slice(0, end + 1);
}

/** Expects what `plainPart` has made: objects without prototype. */
function isEmptyObject(part: unknown): boolean {
  return typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === null && Object.keys(part).length === 0;
}

/** @param read may be a getter of the user */
function partAt(read: () => unknown, walk: Walk): unknown {
  walk.values += 1;
  try {
    const value = read();
    if (typeof value === 'object' && value !== null) return objectPart(value, walk);
    return ['function', 'symbol', 'undefined'].includes(typeof value) ? LEFT_OUT : value;
  } catch {
    return LEFT_OUT; // by decision: what cannot be read cannot be compared
  }
}

/** Goes by what objects are, not by `instanceof`: objects may come from another context (vm, jest). */
function objectPart(value: object, walk: Walk): unknown {
  if (types.isProxy(value)) return LEFT_OUT;
  // Does not use what toJSON of a Buffer gives, which is slow for large buffers.
  if (ArrayBuffer.isView(value))
    return {
      $bytes: createHash('sha256')
        .update(value as NodeJS.ArrayBufferView)
        .digest('hex'),
    };
  const known = walk.ancestors.get(value);
  if (known) return known;

  const prototype = Object.getPrototypeOf(value) as object | null;
  if (isRootPrototype(prototype)) return objectCopy(value as Record<string, unknown>, walk);
  if (types.isProxy(prototype) || !isRootPrototype(Object.getPrototypeOf(prototype) as object | null)) return LEFT_OUT;
  if (Array.isArray(value)) return arrayCopy(value, walk);
  if (types.isMap(value)) return mapCopy(value, walk);
  if (types.isSet(value)) return setCopy(value, walk);
  if (types.isDate(value)) return new Date(value.getTime());
  return types.isRegExp(value) ? new RegExp(value.source, value.flags) : LEFT_OUT;
}

function objectCopy(value: Record<string, unknown>, walk: Walk): unknown {
  // No prototype: `__proto__` must stay an ordinary name.
  return within(value, Object.create(null) as Record<string, unknown>, walk, (copy) => {
    // Sorted, so that the limits of a walk leave out the same in every process.
    for (const name of Object.keys(value).sort()) {
      if (isFull(walk)) break;
      const part = partAt(() => value[name], walk);
      if (part !== LEFT_OUT) copy[name] = part;
    }
  });
}

function arrayCopy(value: readonly unknown[], walk: Walk): unknown {
  return within(value, [] as unknown[], walk, (copy) => {
    // By index: a hole is as good as undefined.
    for (let i = 0; i < value.length && !isFull(walk); i += 1) copy.push(partAt(() => value[i], walk));
  });
}

function mapCopy(value: ReadonlyMap<unknown, unknown>, walk: Walk): unknown {
  return within(value, new Map<unknown, unknown>(), walk, (copy) => {
    for (const [key, each] of value) {
      if (isFull(walk)) break;
      const [keyPart, part] = [partAt(() => key, walk), partAt(() => each, walk)];
      if (keyPart !== LEFT_OUT && part !== LEFT_OUT) copy.set(keyPart, part);
    }
  });
}

function setCopy(value: ReadonlySet<unknown>, walk: Walk): unknown {
  return within(value, new Set<unknown>(), walk, (copy) => {
    for (const each of value) {
      if (isFull(walk)) break;
      const part = partAt(() => each, walk);
      if (part !== LEFT_OUT) copy.add(part);
    }
  });
}

/** @param fill adds to the copy, which stands for the value wherever the value contains a reference to this object */
function within<T extends object>(value: object, copy: T, walk: Walk, fill: (copy: T) => void): unknown {
  if (walk.ancestors.size >= MAX_DEPTH) return LEFT_OUT;
  walk.ancestors.set(value, copy);
  try {
    fill(copy);
    return copy;
  } finally {
    walk.ancestors.delete(value);
  }
}

function isFull(walk: Walk): boolean {
  return walk.values >= MAX_VALUES;
}
