// A configuration file: found, loaded, and able to say where in its text something stands.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CommandFailure, reasonOf } from '../command-failure';
import { JsonError, keyOffsets, pathKey } from './json-places';

/** The names that are looked for. Each file is in the folder of the application. */
export const FILE_NAMES = ['js', 'cjs', 'mjs', 'ts', 'json'].map((ending) => `trunkline.config.${ending}`);
/** The key of package.json. */
const MANIFEST_KEY = 'trunkline';

export interface ConfigurationFile {
  readonly path: string;
  readonly value: unknown;
  /** As `FILE:3:5`, or `FILE` where the place of the key is not known. */
  placeOf(path: readonly string[]): string;
}

/**
 * The configuration in a folder.
 * @returns undefined: there is none
 * @throws CommandFailure when there are several, or the configuration cannot be read
 */
export async function findConfiguration(folder: string): Promise<ConfigurationFile | undefined> {
  const files = FILE_NAMES.map((name) => join(folder, name)).filter((path) => existsSync(path));
  const manifest = join(folder, 'package.json');
  const inManifest = existsSync(manifest) && readText(manifest).includes(`"${MANIFEST_KEY}"`) ? ofManifest(manifest) : undefined;
  const all = [...files, ...(inManifest ? [`the key ${MANIFEST_KEY} of ${manifest}`] : [])];
  if (all.length > 1)
    throw CommandFailure.usage(`there are several configurations: ${all.join(', ')}; keep one, or choose with --config`);
  return files[0] === undefined ? inManifest : await loadConfiguration(files[0]);
}

/** @throws CommandFailure with the place in the file, where the file cannot be read */
export async function loadConfiguration(path: string): Promise<ConfigurationFile> {
  if (basename(path) === 'package.json') {
    const found = ofManifest(path);
    if (found) return found;
    throw CommandFailure.usage(`${path} has no key ${MANIFEST_KEY}`);
  }
  const text = readText(path);
  if (extname(path) === '.json') return { path, value: parse(path, text), placeOf: (keys) => jsonPlace(path, text, keys) };
  return { path, value: await run(path), placeOf: (keys) => textPlace(path, text, keys) };
}

function ofManifest(path: string): ConfigurationFile | undefined {
  const text = readText(path);
  const value = (parse(path, text) as Record<string, unknown> | null)?.[MANIFEST_KEY];
  if (value === undefined) return undefined;
  return { path, value, placeOf: (keys) => jsonPlace(path, text, [MANIFEST_KEY, ...keys]) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw CommandFailure.usage(
      `the configuration ${path} cannot be read: ${isMissing ? 'there is no such file' : reasonOf(error)}`,
    );
  }
}

function parse(path: string, text: string): unknown {
  try {
    keyOffsets(text); // JSON.parse does not always say where the mistake is
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    const place = error instanceof JsonError ? at(path, text, error.offset) : path;
    throw CommandFailure.usage(`${place}: ${(error as Error).message}`);
  }
}

function jsonPlace(path: string, text: string, keys: readonly string[]): string {
  const offset = keyOffsets(text).get(pathKey(keys));
  return offset === undefined ? path : at(path, text, offset);
}

/** In a program the key is found if only one place of the text looks like the key. */
function textPlace(path: string, text: string, keys: readonly string[]): string {
  const key = keys.at(-1)?.replaceAll(/[^\w-]/g, '\\$&');
  const found = [...text.matchAll(new RegExp(`(?<=(?:^|[{,\\s])["']?)${key}(?=["']?\\s*[:(,}])`, 'g'))];
  return found.length === 1 ? at(path, text, found[0]!.index) : path;
}

function at(path: string, text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${path}:${before.length}:${before.at(-1)!.length + 1}`;
}

/** The value that a program exports; functions are called, promises are awaited. */
async function run(path: string): Promise<unknown> {
  let exported: unknown;
  try {
    exported = await settled(path, load(path));
    const isModule =
      typeof exported === 'object' && exported !== null && ('__esModule' in exported || Symbol.toStringTag in exported);
    if (isModule) exported = (exported as { default?: unknown }).default;
    return await settled(path, typeof exported === 'function' ? (exported as () => unknown)() : exported);
  } catch (error) {
    throw error instanceof CommandFailure ? error : CommandFailure.usage(sentenceOf(path, error));
  }
}

/** @throws CommandFailure when nothing is left that could settle the promise: Node.js would end the command with code 0 then */
async function settled(path: string, value: unknown): Promise<unknown> {
  let onIdle = (): void => undefined;
  const idle = new Promise<never>((_, reject) => {
    onIdle = () => reject(CommandFailure.usage(`${path}: the configuration is a promise that never settles`));
  });
  process.once('beforeExit', onIdle);
  try {
    return await Promise.race([value, idle]);
  } finally {
    process.off('beforeExit', onIdle);
  }
}

async function load(path: string): Promise<unknown> {
  const requireThere = createRequire(path);
  if (/\.[cm]?ts$/.test(path) && !(process.features as { typescript?: unknown }).typescript)
    prepareTypeScript(path, requireThere);
  try {
    return requireThere(path) as unknown;
  } catch (error) {
    // A module that awaits at the top level.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return await import(pathToFileURL(path).href);
  }
}

/** Node.js does not strip types here: a compiler of the application does. @throws CommandFailure when there is none */
function prepareTypeScript(path: string, requireThere: NodeJS.Require): void {
  for (const compiler of ['tsx/cjs', 'ts-node/register/transpile-only']) {
    let file: string;
    try {
      file = requireThere.resolve(compiler);
    } catch {
      continue;
    }
    requireThere(file);
    return;
  }
  throw CommandFailure.usage(
    `${path} is TypeScript, which Node.js ${process.versions.node} does not run by itself: use Node.js 22.18 or newer, ` +
      'install tsx, or write the configuration in JavaScript',
  );
}

/** An error of a program, with its place in the file if the error tells one. */
function sentenceOf(path: string, error: unknown): string {
  if (!(error instanceof Error)) return `${path}: the configuration has thrown ${String(error)}`;
  const place = placeIn(path, String(error.stack)) ?? (error instanceof SyntaxError ? checkedPlace(path) : undefined);
  const [message] = error.message.split('\n', 1);
  return `${path}${place ?? ''}: ${error.name}: ${message!.trim()}`;
}

/** As `:3:5`, from a line of the stack, or from the lines that Node.js puts before the stack of a syntax error. */
function placeIn(path: string, stack: string): string | undefined {
  const names = [path, pathToFileURL(path).href].map((name) => name.replaceAll(/[^\w/-]/g, '\\$&')).join('|');
  const [, line, column] = new RegExp(`(?:${names}):(\\d+):(\\d+)`).exec(stack) ?? [];
  if (line !== undefined) return `:${line}:${column}`;
  const [, first, source] = new RegExp(`^(?:${names}):(\\d+)\\n([^]*)`).exec(stack) ?? [];
  if (first === undefined) return undefined;
  const lines = source!.split('\n');
  const caret = lines.findIndex((each) => /^\s*\^+\s*$/.test(each));
  // More than one line of the file may stand before the mark.
  return caret < 1 ? `:${first}` : `:${Number(first)}:${lines[caret]!.indexOf('^') + 1}`;
}

/** The errors of ES modules do not tell where; `node --check` does. */
function checkedPlace(path: string): string | undefined {
  try {
    execFileSync(process.execPath, ['--check', path], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    return undefined; // the mistake is in a file that this one loads
  } catch (error) {
    return placeIn(path, String((error as { stderr?: unknown }).stderr));
  }
}
