// What a process group and the members say to each other.

import type cluster from '../index';

/** How a member begins: the first message to the process. */
export interface MemberTask {
  /** The address of the module of the user. */
  readonly module: string;
  readonly options: cluster.ClientOptions;
  readonly index: number;
  /** Whether connections of the process can be held up. */
  readonly partitions: boolean;
}

export type ToMember =
  | { readonly is: 'task'; readonly task: MemberTask }
  /** Ports of other members that are out of reach from now on. */
  | { readonly is: 'apart'; readonly ports: readonly number[] }
  /** Answered when the client is ready. */
  | { readonly is: 'ready'; readonly id: number }
  | { readonly is: 'call'; readonly id: number; readonly name: string; readonly args: readonly unknown[] };

export type FromMember =
  /** Whether the process holds the upstream client; told whenever that changes. */
  | { readonly is: 'standing'; readonly leads: boolean }
  /** The process listens on a port for other members. */
  | { readonly is: 'listens'; readonly port: number }
  | { readonly is: 'result'; readonly id: number; readonly value?: unknown; readonly error?: SentError }
  | { readonly is: 'told'; readonly message: unknown };

/** An error on the way: structured clone alone keeps neither the name nor the code. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Own fields that can be sent, such as `code`. */
  readonly fields: Record<string, unknown>;
}

export function toSent(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, fields: {} };
  const fields = Object.fromEntries(Object.entries(error).filter(([, value]) => canBeSent(value)));
  return { name: error.name, message: error.message, stack: error.stack, fields };
}

export function fromSent({ name, message, stack, fields }: SentError): Error {
  const error = Object.assign(new Error(message), fields);
  for (const [key, value] of Object.entries({ name, stack }))
    Object.defineProperty(error, key, { value, writable: true, configurable: true });
  return error;
}

function canBeSent(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
