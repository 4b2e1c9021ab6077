// Options that an upstream class brings along for the clients made of it: what a class knows of itself better than its user does.

/**
 * A static method of an upstream class under this symbol gets the options of the user, and gives options that apply where the user
 * gives none. The method may throw for options that cannot work with the class.
 */
export const CLASS_OPTIONS = Symbol.for('trunkline.class-options');

/** @returns the options of the user, with the options of the class where the user gives none */
export function withClassOptions<O extends object>(upstreamClass: object, given: O | undefined): O | undefined {
  const optionsOf = (upstreamClass as { [CLASS_OPTIONS]?: (given: object) => O })[CLASS_OPTIONS];
  if (typeof optionsOf !== 'function') return given;
  return { ...optionsOf(given ?? {}), ...given };
}
