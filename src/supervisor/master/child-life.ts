// The life of a child, as a value, and what follows from each moment of it. Pure.

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What the master has told a child: to finish (`stop`), or to be gone (`kill`). */
export type Orders = ReadonlySet<'stop' | 'kill'>;

/**
 * `waiting`: the process runs and has no task yet. `working`: it has its task. `leaving`: it was told to end, or is being killed.
 * `exited`: its last messages may still come. `ended`: nothing comes any more.
 */
export type ChildLife =
  | { readonly phase: 'waiting' | 'working' }
  | { readonly phase: 'leaving'; readonly hasTask: boolean; readonly orders: Orders }
  | { readonly phase: 'exited' | 'ended'; readonly exit: Exit; readonly orders: Orders };

const NO_ORDERS: Orders = new Set();

export function ordersOf(life: ChildLife): Orders {
  switch (life.phase) {
    case 'waiting':
    case 'working':
      return NO_ORDERS;
    case 'leaving':
    case 'exited':
    case 'ended':
      return life.orders;
  }
}

/** Whether the child has got its task, and has not exited. */
export function hasTask(life: ChildLife): boolean {
  switch (life.phase) {
    case 'working':
      return true;
    case 'leaving':
      return life.hasTask;
    case 'waiting':
    case 'exited':
    case 'ended':
      return false;
  }
}

export function hasExited(life: ChildLife): life is Extract<ChildLife, { phase: 'exited' | 'ended' }> {
  return life.phase === 'exited' || life.phase === 'ended';
}

/** The life after the child has got its task. */
export function begun(life: ChildLife): ChildLife {
  return life.phase === 'waiting' ? { phase: 'working' } : life;
}

/** The life after an order of the master; an order that comes after the exit is noted too. */
export function ordered(life: ChildLife, order: 'stop' | 'kill'): ChildLife {
  const orders = new Set(ordersOf(life)).add(order);
  return hasExited(life) ? { ...life, orders } : { phase: 'leaving', hasTask: hasTask(life), orders };
}

/** The life after the exit; the first exit counts. */
export function exited(life: ChildLife, exit: Exit): ChildLife {
  return hasExited(life) ? life : { phase: 'exited', exit, orders: ordersOf(life) };
}
