// A value as JSON, with sorted property names. What JSON would lose (Map, BigInt, NaN …) becomes an object with one `$`
// property. Fingerprints of constructor arguments are made of this form, so the form must never change; and a leader of
// cluster-client 3.x gets registrations in this form. Keys need more: two values may have the same form (format-key.ts).

export function jsonForm(value: unknown): unknown {
  return canonical(value, []);
}

/** @param ancestors the objects that the value is inside of; as on entry again on return */
function canonical(value: unknown, ancestors: object[]): unknown {
  switch (typeof value) {
    case 'bigint':
      return { $bigint: String(value) };
    case 'symbol':
      return { $symbol: String(value) };
    case 'number':
      return Number.isFinite(value) ? value : { $number: String(value) };
    case 'object':
      break;
    default:
      return value; // undefined and functions are written as in JSON
  }
  if (value === null) return null;
  if (ancestors.includes(value)) return '[Circular]';
  ancestors.push(value);
  try {
    return canonicalObject(value, ancestors);
  } finally {
    ancestors.pop();
  }
}

function canonicalObject(value: object, inside: object[]): unknown {
  if (Array.isArray(value)) return Array.from(value, (each) => canonical(each, inside));
  if (value instanceof Map) {
    return { $map: sortedByJson([...value].map((entry) => canonical(entry, inside))) };
  }
  if (value instanceof Set) return { $set: sortedByJson([...value].map((each) => canonical(each, inside))) };
  if (value instanceof RegExp) return { $regexp: String(value) };
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return canonical((value as { toJSON(): unknown }).toJSON(), inside);
  }
  const sorted: Record<string, unknown> = {};
  for (const name of Object.keys(value).sort()) {
    const field = canonical((value as Record<string, unknown>)[name], inside);
    if (field === undefined) continue;
    if (name !== '__proto__') sorted[name] = field;
    else Object.defineProperty(sorted, name, { value: field, enumerable: true, configurable: true });
  }
  return sorted;
}

/** Maps and sets have no order that two processes would share. */
function sortedByJson(values: unknown[]): unknown[] {
  return values
    .map((value) => ({ value, json: String(JSON.stringify(value)) }))
    .sort((a, b) => (a.json < b.json ? -1 : a.json > b.json ? 1 : 0))
    .map(({ value }) => value);
}
