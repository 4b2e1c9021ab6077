// What all members of a fleet want together, as the leader asks it of the upstream client: a key is open as long as any member has the wish.

import type { WishChange, WishKind } from './engine';

export interface UnionHooks {
  open(kind: WishKind, key: string, registration: Buffer): void;
  shut(kind: WishKind, key: string): void;
}

interface OpenKey {
  readonly kind: WishKind;
  readonly key: string;
  readonly members: Set<string>;
}

export class Union {
  readonly #hooks: UnionHooks;
  /** The wishes of the own host are told directly, and the engine says older things of the same wishes. */
  readonly #own: string;
  readonly #open = new Map<string, OpenKey>();

  constructor(own: string, hooks: UnionHooks) {
    this.#own = own;
    this.#hooks = hooks;
  }

  /** Of the own host. @param registration undefined: not wanted any more */
  change(kind: WishKind, key: string, registration: Buffer | undefined): void {
    this.#apply({ member: this.#own, kind, key, registration });
  }

  /** Of other members. @param isWhole other wishes of other members have ended */
  hear(changes: readonly WishChange[], isWhole: boolean): void {
    const others = changes.filter(({ member }) => member !== this.#own);
    if (isWhole) {
      const wanted = new Set(others.map((change) => `${change.member} ${idOf(change)}`));
      for (const { kind, key, members } of [...this.#open.values()]) {
        for (const member of [...members]) {
          if (member !== this.#own && !wanted.has(`${member} ${idOf({ kind, key })}`))
            this.#apply({ member, kind, key, registration: undefined });
        }
      }
    }
    for (const change of others) this.#apply(change);
  }

  clear(): void {
    this.#open.clear();
  }

  #apply({ member, kind, key, registration }: WishChange): void {
    const id = idOf({ kind, key });
    const open = this.#open.get(id);
    if (registration) {
      if (open) {
        open.members.add(member);
        return;
      }
      this.#open.set(id, { kind, key, members: new Set([member]) });
      this.#hooks.open(kind, key, registration);
    } else if (open?.members.delete(member) && open.members.size === 0) {
      this.#open.delete(id);
      this.#hooks.shut(kind, key);
    }
  }
}

function idOf({ kind, key }: { readonly kind: WishKind; readonly key: string }): string {
  return `${kind} ${key}`;
}
