// What master and child say to each other over IPC. Messages of the application pass beside these: ours have the
// one property `trunkline`.

export type ToChild =
  | {
      readonly trunkline: 'stop';
      readonly withinMs: number;
      /** A successor already serves: take the time to end connections without losing a request. */
      readonly gently: boolean;
    }
  /** The answer to `leaving`: whatever the master had sent before has arrived. */
  | { readonly trunkline: 'farewell' };

export type ToMaster =
  | { readonly trunkline: 'ready' }
  /** The file could not be loaded, or its promise was rejected; the process ends. */
  | { readonly trunkline: 'failed'; readonly reason: string }
  /** The child got SIGTERM from somebody else than the master, who decides what comes of it. */
  | { readonly trunkline: 'terminated' }
  /** The child accepts nothing more and is about to end. */
  | { readonly trunkline: 'leaving' };

export function isOurs(message: unknown): message is ToChild | ToMaster {
  return typeof message === 'object' && message !== null && typeof (message as { trunkline?: unknown }).trunkline === 'string';
}
