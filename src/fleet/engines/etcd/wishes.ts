// A member's wishes in etcd: a key for each wish, under the lease of the member.

import type { Wish, WishKind } from '../../engine';
import type { Operation } from '../../../etcd/etcd-types';
import type { EtcdLine } from './line';

/** etcd takes 128 operations and 1.5 MiB in a transaction. */
const OPERATIONS = 100;
const BYTES = 1024 * 1024;

export async function stateWishes(line: EtcdLine, wishes: readonly Wish[], isWhole: boolean): Promise<void> {
  const { keys, setup, memberLease: lease } = line;
  const operations = wishes.map(({ kind, key, registration }): Operation => {
    return { put: { key: keys.wish(setup.member, kind, key), value: registration, lease } };
  });
  if (isWhole) {
    const wanted = new Set(wishes.map(({ kind, key }) => keys.wish(setup.member, kind, key)));
    const [stored] = (await line.read({ prefix: keys.wishes(setup.member), keysOnly: true })).ranges;
    for (const { key } of stored?.entries ?? []) if (!wanted.has(key.toString())) operations.push({ delete: { key } });
  }
  await inPortions(line, operations);
}

export async function endWishes(
  line: EtcdLine,
  wishes: readonly { readonly kind: WishKind; readonly key: string }[],
): Promise<void> {
  const operations = wishes.map(({ kind, key }): Operation => {
    return { delete: { key: line.keys.wish(line.setup.member, kind, key) } };
  });
  await inPortions(line, operations);
}

/** Each operation may be done again, so the portions need not be one transaction. */
async function inPortions(line: EtcdLine, operations: readonly Operation[]): Promise<void> {
  let portion: Operation[] = [];
  let bytes = 0;
  for (const operation of operations) {
    const size = 'put' in operation ? operation.put.key.length + operation.put.value.length : 0;
    if (portion.length >= OPERATIONS || (portion.length > 0 && bytes + size > BYTES)) {
      await line.txn({ then: portion });
      [portion, bytes] = [[], 0];
    }
    portion.push(operation);
    bytes += size;
  }
  if (portion.length > 0) await line.txn({ then: portion });
}
