// What stands in a folder or in one JSON file, as keys and bytes. Reads once; who asks again, and what a change means, is not known here.

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { TrunklineError } from '../../errors';

export interface BrokenFile {
  readonly error: TrunklineError;
  /** The keys among those known before that the file stood for. */
  readonly keys: (known: Iterable<string>) => Iterable<string>;
}

export interface FileContents {
  /** The folders to watch. */
  readonly folders: string[];
  readonly files: Map<string, Buffer>;
  /** Files that do not parse, perhaps because somebody is writing them. */
  readonly broken: BrokenFile[];
}

/** @throws TrunklineError ERR_TRUNKLINE_STORE_UNREACHABLE when there is neither a folder nor a file */
export async function readFiles(path: string): Promise<FileContents> {
  try {
    return (await stat(path)).isDirectory() ? await readFolder(path) : await readDocument(path);
  } catch (cause) {
    const sentence = `${path}: cannot be read (${(cause as Error).message}); the option path must name a folder or a file`;
    throw new TrunklineError('ERR_TRUNKLINE_STORE_UNREACHABLE', sentence, { server: path, cause });
  }
}

async function readFolder(path: string): Promise<FileContents> {
  const contents = { folders: [path], files: new Map<string, Buffer>(), broken: [] as BrokenFile[] };
  for (const key of await readdir(path)) await readInto(contents, path, key);
  return contents;
}

/** Adds a file of a folder, or all files of a folder in it; their keys have slashes. */
async function readInto(contents: FileContents, root: string, key: string): Promise<void> {
  // Hidden files are no keys: editors keep their copies there, and Kubernetes the folders behind a ConfigMap.
  if (basename(key).startsWith('.')) return;
  const path = join(root, key);
  const bytes = await contentOf(path);
  if (bytes === 'gone') return;
  if (bytes === 'folder') {
    contents.folders.push(path);
    for (const name of await namesIn(path)) await readInto(contents, root, `${key}/${name}`);
    return;
  }
  const error = extname(key) === '.json' ? parseError(path, bytes) : undefined;
  if (error) contents.broken.push({ error, keys: (known) => [...known].filter((each) => each === key) });
  else contents.files.set(key, bytes);
}

async function readDocument(path: string): Promise<FileContents> {
  const bytes = await readFile(path);
  const contents: FileContents = { folders: [dirname(path)], files: new Map(), broken: [] };
  if (extname(path) !== '.json') {
    contents.files.set(basename(path), bytes);
    return contents;
  }
  const error = parseError(path, bytes);
  if (error) {
    contents.broken.push({ error, keys: (known) => known });
    return contents;
  }
  const document = JSON.parse(bytes.toString('utf8')) as unknown;
  if (typeof document === 'object' && document !== null) {
    for (const [key, value] of Object.entries(document)) contents.files.set(key, Buffer.from(JSON.stringify(value)));
  }
  return contents;
}

async function contentOf(path: string): Promise<Buffer | 'folder' | 'gone'> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') return 'folder';
    if (code === 'ENOENT') return 'gone';
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parseError(path: string, bytes: Buffer): TrunklineError | undefined {
  try {
    JSON.parse(bytes.toString('utf8'));
    return undefined;
  } catch (cause) {
    const sentence = `${path}: is no JSON (${(cause as Error).message}); the last good value is served until it is mended`;
    return new TrunklineError('ERR_TRUNKLINE_VALUE_INVALID', sentence, { server: path, cause });
  }
}
