// Errors of the egg world that carry a number under which egg explains the error: reported in the form of egg, with the link.

import { format, types } from 'node:util';

/** The mark of errors of the package `egg-errors`, the same in each copy of that package. */
const MARK = Symbol.for('FrameworkBaseError');
/** Where egg explains errors. */
const FAQ = 'https://eggjs.org/zh-cn/faq';

interface FrameworkError extends Error {
  readonly [MARK]?: unknown;
  readonly code?: unknown;
  readonly serialNumber?: unknown;
  readonly errorContext?: unknown;
}

/**
 * @param faq where errors are explained, if the user has named another place
 * @returns undefined for any other error
 */
export function describeFrameworkError(error: unknown, faq = FAQ): string | undefined {
  if (!types.isNativeError(error) || (error as FrameworkError)[MARK] !== true) return undefined;
  const { name, message, stack = '', code, serialNumber, errorContext } = error as FrameworkError;
  const link = message.includes(faq) ? '' : ` [ ${faq}/${String(code)} ]`;
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return [
    `framework.${name}: ${message}${link}`,
    ...frames,
    `code: ${String(code)}`,
    `serialNumber: ${String(serialNumber)}`,
    format('errorContext: %j', errorContext),
  ].join('\n');
}
