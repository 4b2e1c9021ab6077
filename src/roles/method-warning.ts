// Two processes that share a channel do not share the same methods: the classes of the same name differ, or the delegates
// differ. The process that comes later names the differences.

import { createHash } from 'node:crypto';
import type { ChannelSpec } from './role';

const MAX_NAMED = 10;
const MAX_NAME_LENGTH = 60;
/** A difference is told once, not at each failover. */
const told = new WeakSet<ChannelSpec>();

/** A leader compares its own with that of each follower. */
const fingerprints = new WeakMap<readonly string[], string>();

/** Fingerprint of the shared methods: equal methods have equal fingerprints. @param methods name and target of each, sorted */
export function methodsFingerprint(methods: readonly string[]): string {
  let fingerprint = fingerprints.get(methods);
  if (fingerprint === undefined) {
    fingerprint = createHash('sha256').update(JSON.stringify(methods)).digest('hex').slice(0, 32);
    fingerprints.set(methods, fingerprint);
  }
  return fingerprint;
}

/** @param theirs what the process that has the upstream client shares */
export function warnOfMethods(spec: ChannelSpec, theirs: readonly string[]): void {
  const onlyHere = missing(spec.sharedMethods, theirs);
  const onlyThere = missing(theirs, spec.sharedMethods);
  if (told.has(spec) || onlyHere.length + onlyThere.length === 0) return;
  told.add(spec);
  const differences = [
    ...(onlyHere.length > 0 ? [`only this process shares ${named(onlyHere)}`] : []),
    ...(onlyThere.length > 0 ? [`only the leader shares ${named(onlyThere)}`] : []),
  ];
  spec.logger.warn(
    `${spec.name}: the upstream client is shared with a process that shares other methods: ${differences.join('; ')}; ` +
      'if the classes are different, give the channels different names; if not, delegate the same in every process',
  );
}

function missing(those: readonly string[], from: readonly string[]): string[] {
  const present = new Set(from);
  return those.filter((method) => !present.has(method));
}

function named(methods: readonly string[]): string {
  const shown = methods.slice(0, MAX_NAMED).map((method) => method.slice(0, MAX_NAME_LENGTH));
  const more = methods.length > MAX_NAMED ? ` and ${methods.length - MAX_NAMED} more` : '';
  return `${shown.join(', ')}${more}`;
}
