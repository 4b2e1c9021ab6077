// Sizes as people write sizes; quantities.ts writes sizes for people.

const UNITS: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** @returns bytes, for a number of bytes or a text such as `300MB`, `1.5 GiB`, `64k`; undefined for anything else */
export function parseBytes(given: unknown): number | undefined {
  const bytes = typeof given === 'number' ? given : fromText(String(given));
  return bytes !== undefined && Number.isFinite(bytes) && bytes >= 1 ? Math.floor(bytes) : undefined;
}

function fromText(text: string): number | undefined {
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([kmg]?)i?b?\s*$/i.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNITS[unit!.toLowerCase()]!;
}
