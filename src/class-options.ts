// Options that an upstream class brings along for the clients made of it: what a class knows of itself better than its user does.

/**
 * A static method of an upstream class under this symbol gets the options of the user, and gives options that apply where the user
 * gives none. The method may throw for options that cannot work with the class.
 */
export const CLASS_OPTIONS = Symbol.for('trunkline.class-options');

/** @returns gives the options that the class brings along, for the options of the user */
export function classOptionsOf<O extends object>(upstreamClass: object): ((given: O) => O) | undefined {
  const { [CLASS_OPTIONS]: optionsOf } = upstreamClass as { [CLASS_OPTIONS]?: (given: O) => O };
  return typeof optionsOf === 'function' ? (given) => optionsOf.call(upstreamClass, given) : undefined;
}
