// What a file says: the value of one key, or, for a path that is a file, a value for each property. JSON and YAML are parsed to know
// that they are whole; other files are taken as they are.

import { extname } from 'node:path';
import { TrunklineError } from '../../errors';
import { optionalPackage } from '../../optional-package';

const MARK = Buffer.from('\ufeff');

type Format = 'json' | 'yaml' | undefined;

export function formatOf(path: string): Format {
  const extension = extname(path).toLowerCase();
  if (extension === '.json') return 'json';
  return extension === '.yaml' || extension === '.yml' ? 'yaml' : undefined;
}

/**
 * The value of a file as bytes: a YAML file as JSON text, every other file as it is.
 * @throws TrunklineError ERR_TRUNKLINE_VALUE_INVALID, ERR_TRUNKLINE_PACKAGE_MISSING
 */
export function valueOf(path: string, bytes: Buffer): Buffer {
  const format = formatOf(path);
  if (!format) return bytes;
  const body = withoutMark(bytes);
  const value = parse(path, format, body);
  return format === 'yaml' ? Buffer.from(jsonOf(path, value)) : body;
}

/**
 * The properties of the object in a JSON or YAML file, each as JSON; of another file the file itself.
 * @param name the key of a file that has no properties
 * @throws as `valueOf`
 */
export function propertiesOf(path: string, name: string, bytes: Buffer): Map<string, Buffer> {
  const format = formatOf(path);
  if (!format) return new Map([[name, bytes]]);
  const value = parse(path, format, withoutMark(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, 'must hold an object, whose properties are the keys');
  }
  const properties = Object.entries(value).filter(([key]) => key !== '');
  return new Map(properties.map(([key, each]) => [key, Buffer.from(jsonOf(path, each))]));
}

/** Some editors write a byte order mark, which JSON does not allow. */
function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, MARK.length).equals(MARK) ? bytes.subarray(MARK.length) : bytes;
}

function parse(path: string, format: 'json' | 'yaml', bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  try {
    return format === 'json' ? (JSON.parse(text) as unknown) : parseYaml(path, text);
  } catch (cause) {
    if (cause instanceof TrunklineError) throw cause;
    throw invalid(path, `is no ${format.toUpperCase()} (${(cause as Error).message})`, cause);
  }
}

function parseYaml(path: string, text: string): unknown {
  const load = (): typeof import('yaml') => require('yaml') as typeof import('yaml');
  const { parseDocument } = optionalPackage('yaml', `trunkline/file with ${path}`, load);
  const document = parseDocument(text);
  if (document.errors.length > 0) throw document.errors[0]!;
  return document.toJS();
}

/** YAML has numbers that JSON has not, and values that hold themselves. */
function jsonOf(path: string, value: unknown): string {
  const check = (key: string, each: unknown): unknown => {
    if (typeof each !== 'number' || Number.isFinite(each)) return each;
    throw invalid(path, `has the number ${each} at ${key}, which JSON cannot express`);
  };
  try {
    return JSON.stringify(value, check) ?? 'null';
  } catch (cause) {
    throw cause instanceof TrunklineError ? cause : invalid(path, `has no JSON form (${(cause as Error).message})`, cause);
  }
}

function invalid(path: string, what: string, cause?: unknown): TrunklineError {
  const sentence = `${path}: ${what}; the last good value is served until the file is mended`;
  return new TrunklineError('ERR_TRUNKLINE_VALUE_INVALID', sentence, { server: path, cause });
}
