// Wishes and calls of all members in etcd, on the side of the leader: heard over one watch, claimed and answered in transactions that
// the fence guards. Every call is a transaction within the transaction of its batch, so that a call which is gone, because the
// lease of its member has ended, does not refuse the others.

import type { CallId, EngineCall, EngineReply, Fence, Fenced, WishChange } from '../../engine';
import type { EtcdEvent, Operation, OperationResult } from '../../../etcd/etcd-types';
import { leads } from './keys';
import type { EtcdLine, WatchedRange } from './line';

/** Keys that are read in one request. */
const KEYS_A_READ = 32;

interface KnownCall {
  readonly bytes: Buffer;
  /** The lease of the member that calls; the claim and the answer live as long. */
  readonly lease: string | undefined;
}

export class ServedCalls {
  readonly #known = new Map<string, KnownCall>();
  #watched: WatchedRange | undefined;
  /** Grows with each start and end of serving. */
  #round = 0;

  async serve(line: EtcdLine): Promise<void> {
    this.stop();
    const round = this.#round;
    const { keys } = line;
    const { revision, entries } = await line.readAll({ prefix: keys.served });
    const claimed = new Set((await line.readAll({ prefix: keys.claims })).entries.map(({ key }) => key.toString()));
    if (round !== this.#round) return;
    const puts = entries.map((entry): EtcdEvent => ({ type: 'put', entry }));
    const { wishes, calls } = this.#read(line, puts);
    line.tell((listener) => {
      listener.onWishes(wishes, true);
      const open = calls.filter(({ member, number }) => !claimed.has(keys.claim(member, number)));
      if (open.length > 0) listener.onCalls(open);
    });
    const watched = await line.watch({ prefix: keys.served }, revision, (events) => {
      if (round === this.#round) this.#hear(line, events);
    });
    if (round === this.#round) this.#watched = watched;
    else watched.close();
  }

  /** Nothing is told from now on. */
  stop(): void {
    this.#round++;
    this.#watched?.close();
    this.#watched = undefined;
    this.#known.clear();
  }

  async take(line: EtcdLine, fence: Fence, ids: readonly CallId[]): Promise<Fenced<{ readonly calls: readonly EngineCall[] }>> {
    const { keys } = line;
    const known = await this.#look(line, ids);
    const there = ids.filter((id) => known.has(nameOf(id)));
    const claims = there.map(({ member, number }): Operation => {
      const claim = keys.claim(member, number);
      const lease = known.get(nameOf({ member, number }))?.lease;
      return {
        txn: {
          if: [
            { key: keys.call(member, number), is: '>', version: 0 },
            { key: claim, version: 0 },
          ],
          then: [{ put: { key: claim, value: fence, ...(lease !== undefined && { lease }) } }],
          else: [{ range: { key: claim } }],
        },
      };
    });
    const { succeeded, results } = await line.txn({ if: leads(keys, fence), then: claims });
    if (!succeeded) return { deposed: true };
    const taken = there.filter((_, index) => claimOf(results[index], fence) === fence);
    return { deposed: false, calls: taken.map((id) => ({ ...id, bytes: known.get(nameOf(id))!.bytes })) };
  }

  async reply(line: EtcdLine, fence: Fence, replies: readonly EngineReply[]): Promise<Fenced> {
    const { keys } = line;
    const known = await this.#look(line, replies);
    const there = replies.filter((reply) => known.has(nameOf(reply)));
    const answers = there.map(({ member, number, bytes }): Operation => {
      const claim = keys.claim(member, number);
      const lease = known.get(nameOf({ member, number }))?.lease;
      return {
        txn: {
          if: [{ key: claim, value: fence }],
          then: [
            { put: { key: keys.reply(member, number), value: bytes, ...(lease !== undefined && { lease }) } },
            { delete: { key: keys.call(member, number) } },
            { delete: { key: claim } },
          ],
        },
      };
    });
    const { succeeded } = await line.txn({ if: leads(keys, fence), then: answers });
    if (succeeded) for (const id of there) this.#known.delete(nameOf(id));
    return { deposed: !succeeded };
  }

  /** The calls as far as the calls are in etcd. What the watch has told is not asked for again. */
  async #look(line: EtcdLine, ids: readonly CallId[]): Promise<ReadonlyMap<string, KnownCall>> {
    const found = new Map<string, KnownCall>();
    const unknown: CallId[] = [];
    for (const id of ids) {
      const known = this.#known.get(nameOf(id));
      if (known) found.set(nameOf(id), known);
      else unknown.push(id);
    }
    for (let at = 0; at < unknown.length; at += KEYS_A_READ) {
      const some = unknown.slice(at, at + KEYS_A_READ);
      const { ranges } = await line.read(...some.map(({ member, number }) => ({ key: line.keys.call(member, number) })));
      for (const [index, { entries }] of ranges.entries()) {
        const [entry] = entries;
        if (entry) found.set(nameOf(some[index]!), { bytes: entry.value, lease: entry.lease });
      }
    }
    return found;
  }

  #hear(line: EtcdLine, events: readonly EtcdEvent[]): void {
    const { wishes, calls } = this.#read(line, events);
    line.tell((listener) => {
      if (wishes.length > 0) listener.onWishes(wishes, false);
      if (calls.length > 0) listener.onCalls(calls);
    });
  }

  #read(
    { keys }: EtcdLine,
    events: readonly EtcdEvent[],
  ): { readonly wishes: readonly WishChange[]; readonly calls: readonly CallId[] } {
    const wishes: WishChange[] = [];
    const calls: CallId[] = [];
    for (const { type, entry } of events) {
      const subject = keys.servedKey(entry.key.toString());
      if (!subject) continue;
      if ('kind' in subject) wishes.push({ ...subject, registration: type === 'put' ? Buffer.from(entry.value) : undefined });
      else if (type === 'delete') this.#known.delete(nameOf(subject));
      else {
        this.#known.set(nameOf(subject), { bytes: entry.value, lease: entry.lease });
        calls.push(subject);
      }
    }
    return { wishes, calls };
  }
}

function nameOf({ member, number }: CallId): string {
  return `${member}/${number}`;
}

/** Which fence has the claim, after a transaction that tried to claim for a fence. */
function claimOf(result: OperationResult | undefined, fence: Fence): Fence | undefined {
  if (!result || !('txn' in result)) return undefined;
  if (result.txn.succeeded) return fence;
  const [found] = result.txn.results;
  return found && 'range' in found ? found.range.entries[0]?.value.toString() : undefined;
}
