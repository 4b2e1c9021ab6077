// What master and child say to each other over IPC. Messages of the application pass beside these: ours have the
// one property `trunkline`.

export interface ToChild {
  readonly trunkline: 'stop';
  readonly withinMs: number;
  /** A successor already serves: take the time to end connections without losing a request. */
  readonly gently: boolean;
}

export type ToMaster =
  | { readonly trunkline: 'ready' }
  /** The file could not be loaded, or its promise was rejected; the process ends. */
  | { readonly trunkline: 'failed'; readonly reason: string };

export function isOurs(message: unknown): message is ToChild | ToMaster {
  return typeof message === 'object' && message !== null && typeof (message as { trunkline?: unknown }).trunkline === 'string';
}
