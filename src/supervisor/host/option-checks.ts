// Checks of options: each check gives the value, or refuses the value in a sentence.

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from '../../logger';
import { parseBytes } from './bytes';
import { mention, OptionError } from './option-error';

export function oneOf<T extends string>(option: string, given: unknown, values: readonly T[]): T {
  if (values.includes(given as T)) return given as T;
  throw invalid(option, values.map((value) => `'${value}'`).join(' or '), given);
}

export function file(option: string, given: unknown, baseDir: string): string {
  const path = resolve(baseDir, text(option, given));
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw invalid(option, 'the path of a file that exists', path);
  try {
    accessSync(path, constants.R_OK);
  } catch {
    throw invalid(option, 'the path of a file that this process may read', path);
  }
  return path;
}

export function folder(option: string, given: unknown): string {
  const path = resolve(text(option, given));
  if (!existsSync(path)) throw invalid(option, 'the path of a folder that exists', path);
  return path;
}

export function text(option: string, given: unknown): string {
  if (typeof given === 'string' && given !== '') return given;
  throw invalid(option, 'a text', given);
}

export function variableName(option: string, given: unknown): string {
  if (/^[A-Za-z_]\w*$/.test(text(option, given))) return given as string;
  throw invalid(option, 'the name of an environment variable', given);
}

export function optionalText(option: string, given: unknown): string | undefined {
  return given === undefined ? undefined : text(option, given);
}

export function optionalTexts(option: string, given: unknown): readonly string[] | undefined {
  if (given === undefined || (Array.isArray(given) && given.every((each) => typeof each === 'string'))) return given;
  throw invalid(option, 'a list of texts', given);
}

export function optionalTable(option: string, given: unknown): Record<string, string> | undefined {
  if (given === undefined || (typeof given === 'object' && !Array.isArray(given)))
    return given as Record<string, string> | undefined;
  throw invalid(option, 'an object', given);
}

export function flag(option: string, given: unknown): boolean {
  if (typeof given === 'boolean') return given;
  throw invalid(option, 'true or false', given);
}

export function optionalFunction<T>(option: string, given: T): T {
  if (given === undefined || typeof given === 'function') return given;
  throw invalid(option, 'a function', given);
}

export function optionalLogger(given: Logger | undefined): Logger | undefined {
  const isOne = (['info', 'warn', 'error'] as const).every((level) => typeof given?.[level] === 'function');
  if (given === undefined || isOne) return given;
  throw invalid('logger', 'an object with info, warn and error', given);
}

export function optionalBytes(option: string, given: unknown): number | undefined {
  if (given === undefined) return undefined;
  const bytes = parseBytes(given);
  if (bytes === undefined) throw invalid(option, 'a number of bytes, or a text like 300MB', given);
  return bytes;
}

/** Launchers and environments give numbers as text. */
export function asNumber(given: unknown): number | undefined {
  if (given === undefined || given === '') return undefined;
  const number = typeof given === 'string' ? Number(given) : given;
  return (Number.isNaN(number) ? given : number) as number; // a value that is no number is shown unchanged
}

export function whole(option: string, given: unknown, min: number, max: number): number {
  if (Number.isInteger(given) && (given as number) >= min && (given as number) <= max) return given as number;
  throw invalid(option, `a whole number from ${min} to ${max}`, given);
}

export function optionalWhole(option: string, given: unknown, min: number, max: number): number | undefined {
  return given === undefined ? undefined : whole(option, given, min, max);
}

export function invalid(option: string, mustBe: string, given: unknown): OptionError {
  const shown = typeof given === 'string' ? JSON.stringify(given) : String(given);
  return new OptionError(option, [mention(option, 'subject'), ` must be ${mustBe}, but is ${shown}`]);
}
